/// \file
/// The small messages by which a link is kept alive and ended.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <coerce/codec/bytes.hpp>
#include <coerce/runtime/clock.hpp>

namespace coerce::detail {

/// Users' messages that one side of a link has got from the other, since the link began.
struct Receipt {
  std::uint64_t delivered = 0;
  std::uint64_t refused = 0;
};

struct Ping {
  std::uint64_t number = 0;
  Duration sent_at{};  ///< since the sender's side of the link began
  Receipt receipt;
};

struct Pong {
  std::uint64_t number = 0;
  Duration ping_sent_at{};  ///< as it came
  Duration received_at{};   ///< since the answering side of the link began
  Receipt receipt;
};

Bytes to_bytes(const Ping& ping);
Bytes to_bytes(const Pong& pong);
Bytes goodbye_bytes(std::string_view text);
Bytes challenge_bytes(BytesView nonce);
/// None: malformed.
std::optional<Ping> read_ping(BytesView bytes);
std::optional<Pong> read_pong(BytesView bytes);
std::optional<std::string> read_goodbye(BytesView bytes);
/// 32 bytes, which the next proof has to be bound to.
std::optional<Bytes> read_challenge(BytesView bytes);

}  // namespace coerce::detail
