#include <coerce/actor/extension.hpp>

#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace coerce::test;
using coerce::ActorRefErr;
using coerce::ActorSystem;
using coerce::SystemExtension;

namespace {

/// Found by its base class too, if it is registered as that.
class Store : public SystemExtension {
 public:
  std::string_view name() const noexcept override { return "store"; }
};

class MemoryStore : public Store {};

/// Has an actor of its own.
class Server : public SystemExtension {
 public:
  std::string_view name() const noexcept override { return "server"; }
  void started(const ActorSystem&) override {
    system_name = system().system_name().str();
    listener = value_of(spawn_deferred("listener", TestActor{}));
  }

  std::string system_name;
  std::optional<coerce::LocalActorRef<TestActor>> listener;
};

class Broken : public SystemExtension {
 public:
  std::string_view name() const noexcept override { return "broken"; }
  void started(const ActorSystem&) override { throw std::runtime_error("no disk"); }
};

template <int>
class Numbered : public SystemExtension {
 public:
  std::string_view name() const noexcept override { return "numbered"; }
};

template <int... I>
coerce::Result<void> extend_by(const ActorSystem& system, std::integer_sequence<int, I...>) {
  coerce::Result<void> last;
  ((last = system.extend(std::make_shared<Numbered<I>>())), ...);
  return last;
}

ActorSystem driven() { return ActorSystem::builder().worker_threads(0).build(); }

}  // namespace

TEST_CASE("an extension is found by its type", "[extension]") {
  auto store = std::make_shared<MemoryStore>();
  auto system = ActorSystem::builder().worker_threads(0).extend(store).build();
  CHECK(system.extension<MemoryStore>() == store.get());
  CHECK(system.extension<Server>() == nullptr);
}

TEST_CASE("an extension that is registered as its base is found as that", "[extension]") {
  auto store = std::make_shared<MemoryStore>();
  auto system = ActorSystem::builder().worker_threads(0).extend<Store>(store).build();
  CHECK(system.extension<Store>() == store.get());
  CHECK(system.extension<MemoryStore>() == nullptr);
}

TEST_CASE("an extension starts with its system before build returns", "[extension]") {
  auto server = std::make_shared<Server>();
  auto system = ActorSystem::builder().system_name("s").worker_threads(0).extend(server).build();
  CHECK(server->system_name == "s");
}

TEST_CASE("a running system can be extended", "[extension]") {
  auto system = driven();
  auto server = std::make_shared<Server>();
  value_of(system.extend(server));
  CHECK(system.extension<Server>() == server.get());
}

TEST_CASE("actors of an extension are found by id and not counted as actors of users",
          "[extension]") {
  auto system = driven();
  value_of(system.extend(std::make_shared<Server>()));
  auto user = start_tracked<TestActor>(system, "user");
  CHECK(system.actor_count() == 1);
  CHECK(system.live_actor_count() == 2);
  auto listener = system.get_tracked_actor<TestActor>("listener");
  REQUIRE(listener.has_value());
  CHECK(value_of(system.block_on(listener->send(GetCounterRequest{}))) == 42);
}

TEST_CASE("an actor of an extension that stops early leaves the counts right", "[extension]") {
  auto system = driven();
  value_of(system.extend(std::make_shared<Server>()));
  join(system, *system.get_tracked_actor<TestActor>("listener"));
  CHECK(system.actor_count() == 0);
  CHECK(system.live_actor_count() == 0);
}

TEST_CASE("a system has one extension of a type", "[extension]") {
  auto system = driven();
  value_of(system.extend(std::make_shared<Server>()));
  CHECK(error_of(system.extend(std::make_shared<Server>())).kind() ==
        ActorRefErr::Kind::AlreadyExists);
  auto builder = ActorSystem::builder();
  builder.extend(std::make_shared<Server>());
  CHECK_THROWS_AS(builder.extend(std::make_shared<Server>()), std::invalid_argument);
}

TEST_CASE("an extension is part of one system", "[extension]") {
  auto one = driven();
  auto two = driven();
  auto server = std::make_shared<Server>();
  value_of(one.extend(server));
  CHECK(error_of(two.extend(server)).kind() == ActorRefErr::Kind::NotSupported);
}

TEST_CASE("a system takes 32 extensions", "[extension]") {
  auto system = driven();
  value_of(extend_by(system, std::make_integer_sequence<int, 32>()));
  CHECK(error_of(system.extend(std::make_shared<Server>())).kind() ==
        ActorRefErr::Kind::NotSupported);
}

TEST_CASE("an extension that cannot start is no part of the system", "[extension]") {
  auto system = driven();
  const auto error = error_of(system.extend(std::make_shared<Broken>()));
  CHECK(error.kind() == ActorRefErr::Kind::ActorStartFailed);
  CHECK(error.detail() == "no disk");
  CHECK(system.extension<Broken>() == nullptr);
}

TEST_CASE("build throws what an extension throws when it starts", "[extension]") {
  auto builder = ActorSystem::builder();
  builder.worker_threads(0).extend(std::make_shared<Server>()).extend(std::make_shared<Broken>());
  CHECK_THROWS_WITH(builder.build(), "no disk");
}

TEST_CASE("a system that shuts down takes no extension", "[extension]") {
  auto system = driven();
  REQUIRE(system.shutdown_blocking().complete);
  CHECK(error_of(system.extend(std::make_shared<Server>())).kind() ==
        ActorRefErr::Kind::ActorUnavailable);
}

TEST_CASE("an extension that nobody else holds ends with its system", "[extension]") {
  auto server = std::make_shared<Server>();
  const std::weak_ptr<Server> weak = server;
  {
    auto system = ActorSystem::builder().worker_threads(0).extend(std::move(server)).build();
    CHECK_FALSE(weak.expired());
  }
  CHECK(weak.expired());
}

TEST_CASE("an extension that is part of no system has none to offer", "[extension]") {
  struct Open : Store {
    using SystemExtension::system;
  };
  const Open open;
  CHECK_THROWS_AS(open.system(), std::logic_error);
}
