/// \file
/// Those who talk to a node and do not keep to the protocol.

#pragma once

#include <coerce/remote/transport.hpp>

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include <coerce/runtime/when.hpp>

#include "remote/frame.hpp"
#include "remote/handshake.hpp"
#include "remote/hello.hpp"

namespace coerce::test {

using detail::FrameHeader;
using detail::FrameKind;
using detail::Hello;

inline Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

/// The header says the payload's length, unless it says another one.
inline Bytes frame_of(FrameHeader header, const Bytes& payload = {}) {
  if (header.length == 0) header.length = static_cast<std::uint32_t>(payload.size());
  Bytes bytes(detail::kFrameHeaderSize);
  detail::write_header(header, bytes.data());
  return joined({bytes, payload});
}
inline Bytes frame_of(FrameKind kind, const Bytes& payload = {}) {
  return frame_of(FrameHeader{.kind = kind}, payload);
}

/// Of a node of the cluster "coerce" that dials.
inline Hello good_hello(NodeId id = 66) {
  Hello hello;
  hello.cluster = "coerce";
  hello.node.id = id;
  hello.node.incarnation = {1, id};
  hello.node.tag = "stranger";
  hello.max_frame = detail::kDefaultMaxFrame;
  hello.nonce = Bytes(detail::kNonceSize, 0x5a);
  return hello;
}
template <class Change>
Bytes hello_with(Change change) {
  Hello hello = good_hello();
  change(hello);
  return frame_of(FrameKind::Hello, detail::encode_hello(hello).value());
}

/// Says the words and reads until the other side ends the connection. Gives what has come.
inline Task<Bytes> say(Connection& connection, Bytes words) {
  auto writing = connection.write(words);
  const auto written = co_await writing;
  (void)written;  // it may be refused before it has said everything
  Bytes heard;
  Bytes room(4096);
  for (;;) {
    auto reading = connection.read_some(room);
    const auto count = co_await reading;
    if (!count || *count == 0) break;
    heard.insert(heard.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(*count));
  }
  connection.close();
  co_return heard;
}

/// Dials, says the words, and waits for the end.
inline Task<Bytes> dial_and_say(Transport& transport, std::string address, Bytes words) {
  auto connecting = transport.connect(std::move(address));
  auto connection = co_await connecting;
  if (!connection) co_return Bytes();
  auto saying = say(**connection, std::move(words));
  auto heard = co_await saying;
  co_return heard;
}

/// What a dialler says of itself that keeps to the protocol of the hello.
inline detail::HelloSettings polite(NodeId id) {
  detail::HelloSettings settings;
  settings.self = good_hello(id).node;
  settings.cluster = "coerce";
  settings.now = [] { return WallTime(); };
  return settings;
}

/// Is accepted as a node, if the settings allow that, then says the words and waits for the end.
inline Task<Result<Bytes>> be_accepted_and_say(Transport& transport, std::string address,
                                               detail::HelloSettings settings, Bytes words) {
  auto connecting = transport.connect(address);
  auto connection = co_await connecting;
  if (!connection) co_return coerce::unexpected(ActorRefErr::Unreachable("no connection"));
  auto securing = transport.secure(**connection, std::move(address));
  auto secured = co_await securing;
  if (!secured) co_return coerce::unexpected(ActorRefErr::Unreachable(secured.error().to_string()));
  auto shaking =
      detail::shake_hands(**connection, transport, std::move(settings), HelloFacts::Role::Dial, {});
  auto terms = co_await shaking;
  if (!terms) co_return coerce::unexpected(std::move(terms).error());
  Bytes heard = std::move(terms->early);
  auto saying = say(**connection, std::move(words));
  const Bytes more = co_await saying;
  heard.insert(heard.end(), more.begin(), more.end());
  co_return heard;
}

}  // namespace coerce::test
