#include <coerce/remote/tcp.hpp>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <coerce/runtime/boot_clock.hpp>

#include "remote/wire_support.hpp"

namespace coerce::test {
namespace {

TransportErrKind kind_of(const TransportErr& error) { return error.kind(); }

template <class F>
void on_every_kind_of_system(F&& check) {
  for (const unsigned workers : {0U, 1U, 2U}) {
    INFO(workers << " workers");
    auto system = system_with(workers);
    TcpTransport transport(system);
    check(system, transport);
  }
}

Task<std::string> talk(TcpTransport& transport) {
  auto streams = co_await connect_streams(transport, transport);
  auto sent = co_await write_text(*streams.dialled, "hello");
  CHECK(sent);
  auto heard = co_await read_text(*streams.accepted, 5);
  sent = co_await write_text(*streams.accepted, "world");
  CHECK(sent);
  auto answer = co_await read_text(*streams.dialled, 5);
  CHECK(streams.dialled->written() == 5);
  co_return heard + " " + answer;
}

Task<void> check_two_directions(TcpTransport& transport) {
  auto streams = co_await connect_streams(transport, transport);
  const Bytes much = pattern(8 << 20);
  // None of the four can finish without the others: each buffer of the kernel is smaller.
  auto all = co_await when_all(streams.dialled->write(much), streams.accepted->write(much),
                               read_bytes(*streams.dialled, much.size()),
                               read_bytes(*streams.accepted, much.size()));
  CHECK(std::get<0>(all));
  CHECK(std::get<1>(all));
  const bool first_whole = std::get<2>(all) == much;
  const bool second_whole = std::get<3>(all) == much;
  CHECK(first_whole);
  CHECK(second_whole);
  CHECK(streams.dialled->written() == much.size());
}

Task<std::size_t> read_after_end(TcpTransport& transport) {
  auto streams = co_await connect_streams(transport, transport);
  auto sent = co_await write_text(*streams.dialled, "bye");
  CHECK(sent);
  streams.dialled.reset();
  auto last = co_await read_text(*streams.accepted, 3);
  CHECK(last == "bye");
  Bytes room(16);
  auto end = co_await streams.accepted->read_some(room);
  REQUIRE(end);
  co_return *end;
}

Task<TransportErr> read_error(Connection& connection) {
  Bytes room(16);
  auto got = co_await connection.read_some(room);
  REQUIRE(!got);
  co_return got.error();
}

Task<TransportErr> write_until_error(Connection& connection, std::atomic<bool>* begun = nullptr) {
  const Bytes much(1 << 20);
  for (;;) {
    if (begun != nullptr && connection.written() > 0) begun->store(true);
    auto sent = co_await connection.write(much);
    if (!sent) co_return sent.error();
  }
}

}  // namespace

TEST_CASE("all transports of one machine and network name it alike, and do not tell its boot id",
          "[tcp]") {
  auto one = system_with(0);
  auto other = system_with(0);
  const std::string name = TcpTransport(one).host_identity();
  CHECK(name == TcpTransport(other).host_identity());
  CHECK(name.size() == 32);
  CHECK(name.find_first_not_of("0123456789abcdef") == std::string::npos);
  std::string boot = SystemBootClock().now().boot_id;
  std::erase(boot, '-');
  CHECK(name != boot);
}

TEST_CASE("bytes go both ways over TCP", "[tcp]") {
  on_every_kind_of_system([](ActorSystem& system, TcpTransport& transport) {
    CHECK(system.block_on(talk(transport)) == "hello world");
    CHECK_FALSE(transport.is_confidential());
  });
}

TEST_CASE("a read and a write run beside each other on one connection", "[tcp]") {
  on_every_kind_of_system([](ActorSystem& system, TcpTransport& transport) {
    system.block_on(check_two_directions(transport));
  });
}

TEST_CASE("a stream that the other side has ended gives nothing more", "[tcp]") {
  on_every_kind_of_system([](ActorSystem& system, TcpTransport& transport) {
    CHECK(system.block_on(read_after_end(transport)) == 0);
  });
}

TEST_CASE("close from another thread ends a read and a write that wait", "[tcp]") {
  for (const unsigned workers : {1U, 2U}) {
    auto system = system_with(workers);
    TcpTransport transport(system);
    auto streams = system.block_on(connect_streams(transport, transport));
    std::atomic<bool> writing{false};
    // Not before the write has filled what the kernel takes.
    std::thread closer([&] {
      while (!writing.load()) std::this_thread::yield();
      std::uint64_t before = 0;
      while (before != streams.dialled->written()) {
        before = streams.dialled->written();
        std::this_thread::sleep_for(20ms);
      }
      streams.dialled->close();
    });
    auto both = [&]() -> Task<std::tuple<TransportErr, TransportErr>> {
      co_return co_await when_all(read_error(*streams.dialled),
                                  write_until_error(*streams.dialled, &writing));
    };
    const auto ended = system.block_on(both());
    closer.join();
    CHECK(kind_of(std::get<0>(ended)) == TransportErrKind::Closed);
    CHECK(kind_of(std::get<1>(ended)) == TransportErrKind::Closed);
    CHECK(kind_of(system.block_on(read_error(*streams.dialled))) == TransportErrKind::Closed);
    CHECK(kind_of(system.block_on(write_until_error(*streams.dialled))) ==
          TransportErrKind::Closed);
  }
}

TEST_CASE("a read ends when its time is up, and the next one goes on", "[tcp]") {
  on_every_kind_of_system([](ActorSystem& system, TcpTransport& transport) {
    auto check = [&]() -> Task<void> {
      auto streams = co_await connect_streams(transport, transport);
      Bytes room(16);
      auto timed_out = co_await with_timeout(streams.accepted->read_some(room), 5ms);
      CHECK_FALSE(timed_out);
      auto sent = co_await write_text(*streams.dialled, "late");
      CHECK(sent);
      auto text = co_await read_text(*streams.accepted, 4);
      CHECK(text == "late");
    };
    system.block_on(check());
  });
}

TEST_CASE("a write to a peer that has gone tells that the connection is lost", "[tcp]") {
  auto system = system_with(1);
  TcpTransport transport(system);
  auto streams = system.block_on(connect_streams(transport, transport));
  streams.accepted.reset();
  CHECK(kind_of(system.block_on(write_until_error(*streams.dialled))) == TransportErrKind::Lost);
}

TEST_CASE("nobody is found where nobody listens", "[tcp]") {
  on_every_kind_of_system([](ActorSystem& system, TcpTransport& transport) {
    auto listener = system.block_on(transport.listen("127.0.0.1:0"));
    REQUIRE(listener);
    const std::string address = (*listener)->local_address();
    listener->reset();
    auto connected = system.block_on(transport.connect(address));
    REQUIRE(!connected);
    CHECK(connected.error().kind() == TransportErrKind::Refused);
    CHECK_THAT(connected.error().to_string(), Catch::Contains(address));
  });
}

TEST_CASE("two listeners cannot have one port", "[tcp]") {
  auto system = system_with(1);
  TcpTransport transport(system);
  auto first = system.block_on(transport.listen("127.0.0.1:0"));
  REQUIRE(first);
  auto second = system.block_on(transport.listen((*first)->local_address()));
  REQUIRE(!second);
  CHECK(second.error().kind() == TransportErrKind::AddressInUse);
}

TEST_CASE("an address that is none is refused with words", "[tcp]") {
  auto system = system_with(1);
  TcpTransport transport(system);
  for (const char* address :
       {"", "localhost", ":80", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:8x",
        "::1:80", "[]:80", "a b:80", "127.0.0.1:0", "no-such-host.invalid:80"}) {
    INFO(address);
    auto connected = system.block_on(transport.connect(address));
    REQUIRE(!connected);
    CHECK(connected.error().kind() == TransportErrKind::BadAddress);
    CHECK_FALSE(connected.error().detail().empty());
  }
  const std::string endless(100'000, 'a');
  auto connected = system.block_on(transport.connect(endless + ":1"));
  REQUIRE(!connected);
  CHECK(connected.error().detail().size() < 200);
}

TEST_CASE("a name is resolved, an address of numbers gives itself", "[tcp]") {
  auto system = system_with(1);
  TcpTransport transport(system);
  auto numbers = system.block_on(transport.resolve("[::1]:70"));
  REQUIRE(numbers);
  CHECK(*numbers == std::vector<std::string>{"[::1]:70"});
  auto name = system.block_on(transport.resolve("localhost:71"));
  REQUIRE(name);
  REQUIRE_FALSE(name->empty());
  for (const auto& address : *name) CHECK((address == "127.0.0.1:71" || address == "[::1]:71"));
}

TEST_CASE("addresses of IPv6 work like those of IPv4", "[tcp]") {
  auto system = system_with(1);
  TcpTransport transport(system);
  auto listener = system.block_on(transport.listen("[::1]:0"));
  if (!listener) {
    WARN("no IPv6 here: " << listener.error().to_string());
    return;
  }
  const std::string address = (*listener)->local_address();
  CHECK(address.starts_with("[::1]:"));
  auto connected = system.block_on(transport.connect(address));
  REQUIRE(connected);
  auto accepted = system.block_on((*listener)->accept());
  REQUIRE(accepted);
  CHECK((*accepted)->peer_address().starts_with("[::1]:"));
  CHECK((*connected)->peer_address() == address);
  CHECK((*connected)->is_local());
  CHECK(system.block_on(write_text(**connected, "six")));
  CHECK(system.block_on(read_text(**accepted, 3)) == "six");
}

TEST_CASE("both ends of a loopback stream are local, and know the other's address", "[tcp]") {
  auto system = system_with(1);
  TcpTransport transport(system);
  auto streams = system.block_on(connect_streams(transport, transport));
  CHECK(streams.dialled->is_local());
  CHECK(streams.accepted->is_local());
  CHECK(streams.accepted->peer_address().starts_with("127.0.0.1:"));
  CHECK(streams.dialled->peer_names().empty());
  CHECK_FALSE(streams.dialled->channel_binding());
}

TEST_CASE("closing a listener ends what waits for a connection", "[tcp]") {
  for (const unsigned workers : {1U, 2U}) {
    auto system = system_with(workers);
    TcpTransport transport(system);
    auto listener = system.block_on(transport.listen("127.0.0.1:0"));
    REQUIRE(listener);
    std::thread closer([&] {
      std::this_thread::sleep_for(5ms);  // before or after it begins to wait: both have to end
      (*listener)->close();
    });
    auto accepted = system.block_on((*listener)->accept());
    closer.join();
    REQUIRE(!accepted);
    CHECK(accepted.error().kind() == TransportErrKind::Closed);
    auto connected = system.block_on(transport.connect((*listener)->local_address()));
    REQUIRE(!connected);
    CHECK(connected.error().kind() == TransportErrKind::Refused);
  }
}

#ifndef __SANITIZE_ADDRESS__  // it needs descriptors to look at objects, and takes them for damaged
TEST_CASE("a process without descriptors accepts no more, does not spin, and goes on later",
          "[tcp]") {
  auto system = system_with(1);
  TcpTransport transport(system);
  auto listener = system.block_on(transport.listen("127.0.0.1:0"));
  REQUIRE(listener);
  auto dialled = system.block_on(transport.connect((*listener)->local_address()));
  REQUIRE(dialled);

  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const int next = ::dup(0);
  ::close(next);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(next);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  const auto begin = system.clock().now();
  auto refused = system.block_on((*listener)->accept());
  const auto took = system.clock().now() - begin;
  auto no_socket = system.block_on(transport.connect((*listener)->local_address()));
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);

  REQUIRE(!refused);
  CHECK(refused.error().kind() == TransportErrKind::Exhausted);
  CHECK(took >= 50ms);
  REQUIRE(!no_socket);
  CHECK(no_socket.error().kind() == TransportErrKind::Exhausted);
  auto accepted = system.block_on((*listener)->accept());
  CHECK(accepted);
}
#endif

TEST_CASE("random bytes are not the same twice", "[tcp]") {
  auto system = system_with(1);
  TcpTransport transport(system);
  std::set<Bytes> seen;
  for (int i = 0; i < 100; ++i) {
    Bytes bytes(32);
    transport.random_bytes(bytes);
    seen.insert(bytes);
  }
  CHECK(seen.size() == 100);
}

}  // namespace coerce::test
