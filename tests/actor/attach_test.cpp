#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace coerce::test;
using coerce::ActorContext;
using coerce::ActorRefErr;
using coerce::ActorSystem;
using coerce::BoxedActorRef;
using coerce::ChildStopped;
using coerce::DedicatedScheduler;
using coerce::LocalActorRef;
using coerce::SupervisorStrategy;
using coerce::Task;

namespace {

using Lines = std::vector<std::string>;
using Kind = ActorRefErr::Kind;

struct Attach {
  using Result = std::optional<Kind>;
  explicit Attach(BoxedActorRef who) : actor(std::move(who)) {}
  BoxedActorRef actor;
};
struct Count {
  using Result = std::size_t;
};
struct SpawnTwice {
  using Result = std::optional<Kind>;
};

class Guardian : public coerce::Actor {
 public:
  explicit Guardian(Log& log) : log_(&log) {}
  std::optional<Kind> handle(const Attach& attach, ActorContext& ctx) {
    return kind_of(ctx.attach_child_ref(attach.actor));
  }
  std::size_t handle(Count, ActorContext& ctx) { return ctx.supervised_count(); }
  std::optional<Kind> handle(SpawnTwice, ActorContext& ctx) {
    const auto factory = [] { return EchoActor(); };
    const auto first = ctx.spawn_deferred("twin", factory, SupervisorStrategy::restart());
    if (!first) return first.error().kind();
    return kind_of(ctx.spawn_deferred("twin", factory));
  }
  void on_child_stopped(const ChildStopped& child, ActorContext&) {
    log_->add(child.id().str() + " " + std::string(to_string(child.reason().kind())));
  }
  void stopped(ActorContext&) { log_->add("guardian"); }

 private:
  Log* log_;
};

struct Home {
  Home() : guardian(start<Guardian>(system, log)) {}
  std::optional<Kind> attach(const LocalActorRef<EchoActor>& who) {
    return value_of(system.block_on(guardian.send<Attach>(BoxedActorRef(who.cell()))));
  }
  std::size_t children() { return value_of(system.block_on(guardian.send(Count{}))); }

  Log log;
  ActorSystem system = ActorSystem::builder().worker_threads(0).build();
  LocalActorRef<Guardian> guardian;
};

}  // namespace

TEST_CASE("an attached child is stopped with its parent", "[attach]") {
  Home home;
  const auto ward = start_tracked<EchoActor>(home.system, "ward");
  CHECK_FALSE(home.attach(ward));
  CHECK(home.children() == 1);
  CHECK(home.system.block_on(home.guardian.stop()));
  home.system.poll();
  CHECK_FALSE(ward.is_valid());
}

TEST_CASE("a parent hears of the end of an attached child", "[attach]") {
  Home home;
  const auto ward = start_tracked<EchoActor>(home.system, "ward");
  CHECK_FALSE(home.attach(ward));
  CHECK(home.system.block_on(ward.stop()));
  CHECK(home.children() == 0);
  CHECK(home.log.lines() == Lines{"ward Stopped"});
}

TEST_CASE("what cannot be attached is refused", "[attach]") {
  Home home;
  const auto ward = start_tracked<EchoActor>(home.system, "ward");
  CHECK_FALSE(home.attach(ward));
  CHECK(home.attach(ward) == Kind::AlreadyExists);
  const auto ended = start_tracked<EchoActor>(home.system, "ended");
  CHECK(home.system.block_on(ended.stop()));
  CHECK(home.attach(ended) == Kind::InvalidRef);
  const auto self =
      home.system.block_on(home.guardian.send<Attach>(BoxedActorRef(home.guardian.cell())));
  CHECK(value_of(self) == Kind::NotSupported);
  CHECK(home.children() == 1);
}

TEST_CASE("attached children are described, unless that is not wanted", "[attach]") {
  Home home;
  const auto ward = start_tracked<EchoActor>(home.system, "ward");
  CHECK_FALSE(home.attach(ward));
  const auto described = [&](bool attached) {
    return home.system.block_on(home.guardian.describe({.attached = attached}))
        .description()
        .supervised.size();
  };
  CHECK(described(true) == 1);
  CHECK(described(false) == 0);
}

TEST_CASE("an attachment outlives neither side", "[attach]") {
  Home home;
  const auto ward = start_tracked<EchoActor>(home.system, "ward");
  CHECK_FALSE(home.attach(ward));
  const auto other = start<Guardian>(home.system, home.log);
  CHECK_FALSE(value_of(home.system.block_on(other.send<Attach>(BoxedActorRef(ward.cell())))));
  CHECK(home.system.block_on(other.stop()));
  home.system.poll();
  CHECK(home.children() == 0);
  CHECK_FALSE(ward.is_valid());
}

TEST_CASE("two actors that are attached to each other stop", "[attach]") {
  Home home;
  const auto other = start<Guardian>(home.system, home.log);
  const auto attach = [&](const LocalActorRef<Guardian>& to, const LocalActorRef<Guardian>& who) {
    return value_of(home.system.block_on(to.send<Attach>(BoxedActorRef(who.cell()))));
  };
  CHECK_FALSE(attach(home.guardian, other));
  CHECK_FALSE(attach(other, home.guardian));
  CHECK(home.system.block_on(other.stop()));
  home.system.poll();
  CHECK_FALSE(home.guardian.is_valid());
  CHECK(home.system.live_actor_count() == 0);
}

TEST_CASE("a child may be spawned from a factory without waiting for it", "[attach]") {
  Home home;
  CHECK(value_of(home.system.block_on(home.guardian.send(SpawnTwice{}))) == Kind::AlreadyExists);
  CHECK(home.children() == 1);
}

TEST_CASE("an actor on a dedicated scheduler runs on its threads alone", "[attach]") {
  class Where : public coerce::Actor {
   public:
    struct Ask {
      using Result = std::thread::id;
    };
    std::thread::id handle(Ask, ActorContext&) { return std::this_thread::get_id(); }
  };
  const DedicatedScheduler own;
  auto system = make_system();
  const auto actor = value_of(system.block_on(system.new_actor("alone", Where()).on(own)));
  const auto first = value_of(system.block_on(actor.send(Where::Ask{})));
  for (int i = 0; i < 20; ++i) CHECK(value_of(system.block_on(actor.send(Where::Ask{}))) == first);
  const auto on_own = [](const LocalActorRef<Where>& who) -> Task<std::thread::id> {
    auto answer = co_await who.send(Where::Ask{});
    co_return answer.value();
  };
  CHECK(system.block_on(on_own(actor)) == first);
  CHECK(system.shutdown_blocking().complete);
}
