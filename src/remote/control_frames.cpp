#include "remote/control_frames.hpp"

#include <algorithm>
#include <chrono>

#include <coerce/remote/v1/control.pb.h>

#include "remote/hello.hpp"
#include "remote/proto_bytes.hpp"

namespace coerce::detail {

namespace {

using Micros = std::chrono::microseconds;
constexpr std::uint64_t kLongest =
    static_cast<std::uint64_t>(std::chrono::duration_cast<Micros>(std::chrono::years(100)).count());

std::uint64_t micros(Duration duration) noexcept {
  return static_cast<std::uint64_t>(
      std::max<Micros::rep>(std::chrono::duration_cast<Micros>(duration).count(), 0));
}
Duration from_micros(std::uint64_t count) noexcept {
  return Micros(static_cast<Micros::rep>(std::min(count, kLongest)));
}

template <class M>
Bytes serialised(const M& message) {
  Bytes bytes(message.ByteSizeLong());
  message.SerializeWithCachedSizesToArray(bytes.data());
  return bytes;
}
template <class M>
std::optional<M> parsed(BytesView bytes) {
  M message;
  if (!parse(message, bytes)) return std::nullopt;
  return message;
}

}  // namespace

Bytes to_bytes(const Ping& ping) {
  remote::v1::Ping message;
  message.set_number(ping.number);
  message.set_sent_at(micros(ping.sent_at));
  message.set_delivered(ping.receipt.delivered);
  message.set_refused(ping.receipt.refused);
  return serialised(message);
}

Bytes to_bytes(const Pong& pong) {
  remote::v1::Pong message;
  message.set_number(pong.number);
  message.set_ping_sent_at(micros(pong.ping_sent_at));
  message.set_received_at(micros(pong.received_at));
  message.set_delivered(pong.receipt.delivered);
  message.set_refused(pong.receipt.refused);
  return serialised(message);
}

Bytes goodbye_bytes(std::string_view text) {
  remote::v1::Goodbye message;
  message.set_text(std::string(text));
  return serialised(message);
}

Bytes challenge_bytes(BytesView nonce) {
  remote::v1::Challenge message;
  message.set_nonce(nonce.data(), nonce.size());
  return serialised(message);
}

std::optional<Ping> read_ping(BytesView bytes) {
  const auto message = parsed<remote::v1::Ping>(bytes);
  if (!message) return std::nullopt;
  return Ping{message->number(), from_micros(message->sent_at()),
              Receipt{message->delivered(), message->refused()}};
}

std::optional<Pong> read_pong(BytesView bytes) {
  const auto message = parsed<remote::v1::Pong>(bytes);
  if (!message) return std::nullopt;
  return Pong{message->number(), from_micros(message->ping_sent_at()),
              from_micros(message->received_at()),
              Receipt{message->delivered(), message->refused()}};
}

std::optional<std::string> read_goodbye(BytesView bytes) {
  const auto message = parsed<remote::v1::Goodbye>(bytes);
  if (!message) return std::nullopt;
  return message->text().substr(0, 256);
}

std::optional<Bytes> read_challenge(BytesView bytes) {
  const auto message = parsed<remote::v1::Challenge>(bytes);
  if (!message || message->nonce().size() != kNonceSize) return std::nullopt;
  return bytes_of(message->nonce());
}

}  // namespace coerce::detail
