#include <coerce/coordination/redis.hpp>

#include <string>

#include <catch2/catch.hpp>

#include <coerce/runtime/scheduler.hpp>

#include "support/redis_server.hpp"

using namespace coerce;
using namespace coerce::test;
using namespace std::chrono_literals;

namespace {

/// The leases of a server, for a test's thread.
class RedisLeases {
 public:
  explicit RedisLeases(const std::string& uri, RedisOptions options = {}) {
    auto connected = run(RedisLeaseStore::connect(uri, std::move(options)));
    if (!connected) throw std::runtime_error(connected.error().to_string());
    store_ = std::move(*connected);
  }

  template <Awaitable A>
  AwaitResult<A> run(A&& awaitable) {
    return scheduler_.block_on(std::forward<A>(awaitable));
  }
  LeaseStore* operator->() const noexcept { return store_.get(); }

 private:
  Scheduler scheduler_{SchedulerOptions{.workers = 1}};
  std::shared_ptr<LeaseStore> store_;
};

/// Moves the end of a lease into the past, as waiting for it would.
void let_run_out(const RedisServer& server, const std::string& name) {
  server.run({"HSET", "coerce:lease:" + name, "until", "1"});
}

}  // namespace

TEST_CASE("a lease on Redis has one owner, who keeps its epoch by asking again", "[redis][lease]") {
  const RedisServer server;
  RedisLeases leases(server.uri());
  REQUIRE(leases->advisory());
  const auto mine = leases.run(leases->acquire("l", "me", 10s));
  REQUIRE(mine);
  REQUIRE(*mine);
  REQUIRE((*mine)->epoch == Epoch{1});
  REQUIRE((*mine)->ttl == 10s);
  const auto theirs = leases.run(leases->acquire("l", "you", 10s));
  REQUIRE(theirs);
  REQUIRE(!*theirs);
  const auto again = leases.run(leases->acquire("l", "me", 10s));
  REQUIRE(again);
  REQUIRE(*again);
  REQUIRE((*again)->epoch == Epoch{1});
  const auto other = leases.run(leases->acquire("m", "you", 10s));
  REQUIRE(other);
  REQUIRE(*other);
}

TEST_CASE("a lease on Redis that has run out is lost, and whoever takes it gets a higher epoch",
          "[redis][lease]") {
  const RedisServer server;
  RedisLeases leases(server.uri());
  const auto first = leases.run(leases->acquire("l", "me", 10s));
  REQUIRE(leases.run(leases->renew("l", "me", Epoch{1})) == true);
  let_run_out(server, "l");
  REQUIRE(leases.run(leases->renew("l", "me", Epoch{1})) == false);
  const auto same = leases.run(leases->acquire("l", "me", 10s));
  REQUIRE(same);
  REQUIRE(*same);
  REQUIRE((*same)->epoch == Epoch{2});
  let_run_out(server, "l");
  const auto other = leases.run(leases->acquire("l", "you", 10s));
  REQUIRE(other);
  REQUIRE(*other);
  REQUIRE((*other)->epoch == Epoch{3});
  REQUIRE(leases.run(leases->renew("l", "me", Epoch{2})) == false);
  REQUIRE(leases.run(leases->renew("l", "you", Epoch{2})) == false);
  REQUIRE(leases.run(leases->renew("l", "you", Epoch{3})) == true);
}

TEST_CASE("a lease on Redis runs out by the server's clock", "[redis][lease]") {
  const RedisServer server;
  RedisLeases leases(server.uri());
  REQUIRE(leases.run(leases->acquire("l", "me", 20ms)));
  for (;;) {  // nobody tells when it is free
    const auto taken = leases.run(leases->acquire("l", "you", 10s));
    REQUIRE(taken);
    if (!*taken) continue;
    REQUIRE((*taken)->epoch == Epoch{2});
    break;
  }
}

TEST_CASE("renewing a lease on Redis begins the time anew that it was acquired for",
          "[redis][lease]") {
  const RedisServer server;
  RedisLeases leases(server.uri());
  REQUIRE(leases.run(leases->acquire("l", "me", 1h)));
  const auto until = [&] { return std::stoll(server.run({"HGET", "coerce:lease:l", "until"})); };
  const auto first = until();
  REQUIRE(first);
  // In its last minute.
  server.run({"HINCRBY", "coerce:lease:l", "until", "-3540000000"});
  REQUIRE(leases.run(leases->renew("l", "me", Epoch{1})) == true);
  REQUIRE(until() >= first);
}

TEST_CASE("a lease on Redis that was released is free, and its epoch goes on", "[redis][lease]") {
  const RedisServer server;
  RedisLeases leases(server.uri());
  REQUIRE(leases.run(leases->acquire("l", "me", 10s)));
  REQUIRE(leases.run(leases->release("l", "you", Epoch{1})));
  REQUIRE(leases.run(leases->release("l", "me", Epoch{9})));
  REQUIRE(leases.run(leases->renew("l", "me", Epoch{1})) == true);
  REQUIRE(leases.run(leases->release("l", "me", Epoch{1})));
  REQUIRE(leases.run(leases->release("never held", "me", Epoch{1})));
  const auto next = leases.run(leases->acquire("l", "me", 10s));
  REQUIRE(next);
  REQUIRE(*next);
  REQUIRE((*next)->epoch == Epoch{2});
}

TEST_CASE("leases and epochs on Redis outlive the server's crash", "[redis][lease]") {
  RedisServer server;
  RedisLeases leases(server.uri());
  REQUIRE(leases.run(leases->acquire("held", "me", 1h)));
  REQUIRE(leases.run(leases->acquire("free", "me", 1h)));
  REQUIRE(leases.run(leases->release("free", "me", Epoch{1})));
  server.kill9();
  const auto gone = leases.run(leases->renew("held", "me", Epoch{1}));
  REQUIRE(!gone);
  REQUIRE(gone.error().kind() == LeaseErr::Kind::Unavailable);
  server.start();
  RedisLeases later(server.uri());
  REQUIRE(later.run(later->renew("held", "me", Epoch{1})) == true);
  const auto next = later.run(later->acquire("free", "you", 1h));
  REQUIRE(next);
  REQUIRE(*next);
  REQUIRE((*next)->epoch == Epoch{2});
}

TEST_CASE("what is out of bounds for a lease is refused", "[redis][lease]") {
  const RedisServer server;
  RedisLeases leases(server.uri());
  const auto kind_of = [](const auto& result) { return result.error().kind(); };
  const std::string long_name(1025, 'n');
  REQUIRE(kind_of(leases.run(leases->acquire("", "me", 1s))) == LeaseErr::Kind::Limit);
  REQUIRE(kind_of(leases.run(leases->acquire(long_name, "me", 1s))) == LeaseErr::Kind::Limit);
  REQUIRE(kind_of(leases.run(leases->acquire("l", "", 1s))) == LeaseErr::Kind::Limit);
  REQUIRE(kind_of(leases.run(leases->acquire("l", "me", 9ms))) == LeaseErr::Kind::Limit);
  REQUIRE(kind_of(leases.run(leases->acquire("l", "me", 25h))) == LeaseErr::Kind::Limit);
  REQUIRE(kind_of(leases.run(leases->renew("l", "", Epoch{1}))) == LeaseErr::Kind::Limit);
  REQUIRE(kind_of(leases.run(leases->release("", "me", Epoch{1}))) == LeaseErr::Kind::Limit);
}

TEST_CASE("a lease on Redis that is something else there is corrupt", "[redis][lease]") {
  const RedisServer server;
  RedisLeases leases(server.uri());
  server.run({"SET", "coerce:lease:a", "what is this"});
  server.run({"HSET", "coerce:lease:b", "owner", "me", "until", "what is this"});
  for (const std::string name : {"a", "b"}) {
    const auto taken = leases.run(leases->acquire(name, "me", 1s));
    REQUIRE(!taken);
    REQUIRE(taken.error().kind() == LeaseErr::Kind::Corrupt);
  }
}

TEST_CASE("leases are not given by a server that may forget them", "[redis][lease]") {
  const RedisServer server({.config = {"appendfsync everysec"}});
  const Scheduler scheduler(SchedulerOptions{.workers = 1});
  const auto refused = scheduler.block_on(RedisLeaseStore::connect(server.uri()));
  REQUIRE(!refused);
  REQUIRE(refused.error().kind() == LeaseErr::Kind::Unavailable);
  REQUIRE(refused.error().detail().find("appendfsync") != std::string::npos);
  RedisLeases leases(server.uri(), RedisOptions().allow_weaker_durability());
  REQUIRE(leases.run(leases->acquire("l", "me", 1s)));
}
