/// \file
/// What tests of streams share.

#pragma once

#include <coerce/remote/tcp.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include <coerce/actor.hpp>

namespace coerce::test {

using namespace std::chrono_literals;

inline ActorSystem system_with(unsigned workers) {
  return ActorSystem::builder().worker_threads(workers).build();
}

/// The two ends of one stream, secured if the transports do that.
struct Streams {
  std::unique_ptr<Connection> dialled;
  std::unique_ptr<Connection> accepted;
  TransportResult<void> dialler_secured;
  TransportResult<void> listener_secured;
};

inline Task<Streams> connect_streams(Transport& dialler, Transport& listener,
                                     std::string host = "127.0.0.1") {
  auto listening = co_await listener.listen("127.0.0.1:0");
  REQUIRE(listening);
  const std::string address = (*listening)->local_address();
  const std::string dialled = host + address.substr(address.rfind(':'));
  auto both = co_await when_all(dialler.connect(dialled), (*listening)->accept());
  REQUIRE(std::get<0>(both));
  REQUIRE(std::get<1>(both));
  Streams streams;
  streams.dialled = std::move(*std::get<0>(both));
  streams.accepted = std::move(*std::get<1>(both));
  auto secured = co_await when_all(dialler.secure(*streams.dialled, dialled),
                                   listener.secure(*streams.accepted, ""));
  streams.dialler_secured = std::get<0>(secured);
  streams.listener_secured = std::get<1>(secured);
  co_return streams;
}

/// Exactly so many bytes, or fewer if the stream ends before.
inline Task<Bytes> read_bytes(Connection& connection, std::size_t count) {
  Bytes bytes(count);
  std::size_t have = 0;
  while (have < count) {
    const auto room = std::span(bytes).subspan(have);
    auto got = co_await connection.read_some(room);
    if (!got || *got == 0) break;
    have += *got;
  }
  bytes.resize(have);
  co_return bytes;
}

inline Task<bool> write_text(Connection& connection, std::string text) {
  const Bytes bytes = bytes_of(text);
  auto written = co_await connection.write(bytes);
  co_return written.has_value();
}

inline Task<std::string> read_text(Connection& connection, std::size_t count) {
  auto bytes = co_await read_bytes(connection, count);
  co_return std::string(text_of(bytes));
}

/// `count` bytes in which no part looks like another.
inline Bytes pattern(std::size_t count) {
  Bytes bytes(count);
  std::uint32_t state = 0x12345678;
  for (auto& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return bytes;
}

}  // namespace coerce::test
