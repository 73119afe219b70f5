#include <coerce/remote/system.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <deque>
#include <filesystem>
#include <iterator>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <coerce/runtime/sleep.hpp>

#include "remote/address.hpp"
#include "remote/half_open.hpp"
#include "remote/memory_connection.hpp"
#include "remote/tcp_node.hpp"

namespace coerce::test::half_open_cases {
namespace {

constexpr std::size_t kStrangers = 5000;

/// How many descriptors this process may have now.
std::size_t raise_limit_of_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  (void)::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

class Socket {
 public:
  explicit Socket(int descriptor) noexcept : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

/// A connection from one of eight addresses of this machine; none, if it is refused.
std::optional<Socket> try_to_dial(std::uint16_t port, std::size_t number) {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in from{}, to{};
  from.sin_family = to.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + static_cast<std::uint32_t>(number % 8));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(port);
  const auto* const its_own = reinterpret_cast<const sockaddr*>(&from);
  const auto* const other = reinterpret_cast<const sockaddr*>(&to);
  if (socket.get() < 0 || ::bind(socket.get(), its_own, sizeof(from)) != 0 ||
      ::connect(socket.get(), other, sizeof(to)) != 0)
    return std::nullopt;
  return socket;
}

}  // namespace

TEST_CASE("five thousand half-open connections do no harm", "[system][tcp][B-201]") {
  if (const auto allowed = raise_limit_of_descriptors(); allowed < kStrangers + 1000) {
    WARN("not tried: this process may have only " << allowed << " descriptors");
    return;
  }
  RemoteLimits limits;
  limits.handshake_timeout = 2s;
  const auto setup = [&](RemoteActorSystemBuilder& builder) { builder.limits(limits); };
  TcpNode first(1, setup), second(2, setup), third(3, setup);
  auto seed = first.start();
  REQUIRE(seed);
  REQUIRE(second.start({seed->local_addr()}));

  const auto port = detail::parse_address(seed->local_addr())->port;
  const std::size_t before = open_descriptors();
  std::vector<Socket> strangers;
  strangers.reserve(kStrangers);
  std::size_t most = 0;
  while (strangers.size() < kStrangers) {
    auto socket = try_to_dial(port, strangers.size());
    REQUIRE(socket);
    strangers.push_back(std::move(*socket));
    if (strangers.size() % 500 == 0)
      most = std::max(most, open_descriptors() - before - strangers.size());
  }
  INFO(most << " descriptors of the node's at most");
  // What waits in the queue of the listener has none; some are about to be closed.
  CHECK(most <= limits.max_half_open + 100);
  CHECK(most >=
        limits.max_half_open / 2);  // they were let in, and not turned away for another reason

  REQUIRE(third.start({seed->local_addr()}, 30s));
  CHECK(within(20s, [&] { return table_of(*third.remote) == kMesh; }));
  CHECK(first.remote->counters(2).links_ended == 0);  // who was there before has noticed nothing
}

namespace {

constexpr std::size_t kHeld = 200;

/// Opens connections and says nothing, one after the other, until its system stops it; holds the
/// latest of them.
Task<void> flood(std::shared_ptr<Transport> transport, std::string address, Duration rest) {
  std::deque<std::unique_ptr<Connection>> held;
  for (;;) {
    auto connecting = transport->connect(address);
    auto connection = co_await connecting;
    if (connection) held.push_back(std::move(*connection));
    if (held.size() > kHeld) held.pop_front();
    const bool slept = co_await sleep_for(rest);
    if (!slept) co_return;
  }
}

/// Opens one connection, says nothing, and notes when it has ended.
Task<void> keep_silent(std::shared_ptr<Transport> transport, std::string address, bool& has_ended) {
  auto connecting = transport->connect(std::move(address));
  auto connection = co_await connecting;
  Bytes room(16);
  if (connection) {
    auto reading = (*connection)->read_some(room);
    (void)co_await reading;
  }
  has_ended = true;
}

void patient(RemoteActorSystemBuilder& builder) {
  RemoteLimits limits;
  limits.max_half_open = 32;
  limits.handshake_timeout = 100s;  // no place gets free by itself
  builder.limits(limits);
}

void spawn_flood(testkit::Simulation& sim, NodeId from, Duration rest) {
  testkit::SimulatedNode& node = sim.node(from);
  REQUIRE(node.system().spawn(flood(node.transport(), address_of(sim.node(1)), rest)));
}

}  // namespace

TEST_CASE("a node joins while one host opens connections without end", "[system][B-201]") {
  testkit::Simulation sim{{.nodes = 3}};
  auto first = build_node(sim.node(1), patient);
  test::start(sim.node(1), first, {});
  spawn_flood(sim, 2, 2ms);
  sim.run_for(5s);
  auto third = build_node(sim.node(3));
  test::start(sim.node(3), third, {address_of(sim.node(1))});
  CHECK(table_of(first) == "1 healthy, 3 healthy");
}

TEST_CASE("a node joins while many hosts open connections without end", "[system][B-201]") {
  constexpr NodeId kHosts = 60;
  testkit::Simulation sim{{.nodes = kHosts}};
  auto first = build_node(sim.node(1), patient);
  test::start(sim.node(1), first, {});
  for (NodeId id = 3; id <= kHosts; ++id) spawn_flood(sim, id, 500ms);
  sim.run_for(5s);
  auto second = build_node(sim.node(2));
  test::start(sim.node(2), second, {address_of(sim.node(1))});
  CHECK(table_of(first) == "1 healthy, 2 healthy");
}

TEST_CASE("a host that opens connections without end costs no other host its own",
          "[system][B-201]") {
  testkit::Simulation sim{{.nodes = 3}};
  auto first = build_node(sim.node(1), patient);
  test::start(sim.node(1), first, {});
  bool has_ended = false;
  sim.node(3).system().spawn(
      keep_silent(sim.node(3).transport(), address_of(sim.node(1)), has_ended));
  sim.run_for(100ms);
  spawn_flood(sim, 2, 2ms);
  sim.run_for(20s);
  CHECK_FALSE(has_ended);
}

TEST_CASE("whoever has said hello keeps its place among the half-open", "[system]") {
  detail::HalfOpen all(4);
  const auto stream = std::make_shared<remote_test::MemoryStream>();
  remote_test::MemoryConnection connection(stream, stream);
  const auto one = all.enter("a", connection);
  const auto two = all.enter("a", connection);
  const auto three = all.enter("b", connection);
  const auto four = all.enter("b", connection);
  all.said_hello(one);
  CHECK(all.enter("a", connection) != 0);  // in the place of the second
  CHECK_FALSE(all.leave(two));
  for (const auto number : {three, four}) all.said_hello(number);
  CHECK(all.enter("b", connection) == 0);
  CHECK(all.enter("c", connection) != 0);  // in the place of the third one of "a"
  CHECK(all.displaced() == 2);
  CHECK(all.refused() == 1);
  CHECK(all.count() == 4);
  CHECK(all.leave(one));
}

TEST_CASE("a node joins over TCP while others open connections without end",
          "[system][tcp][B-201]") {
  const std::size_t most = std::min(kStrangers, raise_limit_of_descriptors() / 2);
  RemoteLimits limits;
  limits.handshake_timeout = 60s;
  const auto setup = [&](RemoteActorSystemBuilder& builder) { builder.limits(limits); };
  TcpNode first(1, setup), third(3);
  auto seed = first.start();
  REQUIRE(seed);
  const auto port = detail::parse_address(seed->local_addr())->port;
  std::atomic<bool> goes_on = true;
  std::atomic<std::size_t> dialled = 0;
  std::thread strangers([&] {
    std::deque<Socket> held;
    while (goes_on) {
      if (auto socket = try_to_dial(port, dialled)) held.push_back(std::move(*socket));
      if (held.size() > most) held.pop_front();
      ++dialled;
    }
  });
  CHECK(within(30s, [&] { return dialled >= most; }));
  const auto joined = third.start({seed->local_addr()}, 30s);
  const std::size_t before = dialled;
  CHECK(within(10s, [&] { return dialled > before; }));  // it has not ended meanwhile
  goes_on = false;
  strangers.join();
  CHECK(joined);
}

}  // namespace coerce::test::half_open_cases
