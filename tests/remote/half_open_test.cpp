#include <coerce/remote/system.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <iterator>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "remote/address.hpp"
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

/// A connection from one of eight addresses of this machine.
Socket dial(std::uint16_t port, std::size_t number) {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in from{}, to{};
  from.sin_family = to.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + static_cast<std::uint32_t>(number % 8));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(port);
  REQUIRE(socket.get() >= 0);
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&from), sizeof(from)) == 0);
  REQUIRE(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0);
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
    strangers.push_back(dial(port, strangers.size()));
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

}  // namespace coerce::test::half_open_cases
