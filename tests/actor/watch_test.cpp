#include <coerce/actor/watch.hpp>

#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace coerce::test;
using coerce::ActorContext;
using coerce::ActorRefErr;
using coerce::ActorSystem;
using coerce::ActorTerminated;
using coerce::BoxedActorRef;
using coerce::LocalActorRef;
using coerce::Result;
using coerce::StopReason;
using coerce::Task;

namespace {

using Lines = std::vector<std::string>;

struct Throw {};

class Target : public coerce::Actor {
 public:
  void handle(Throw, ActorContext&) { throw std::runtime_error("boom"); }
};

struct Watch {
  using Result = std::optional<ActorRefErr::Kind>;
  explicit Watch(BoxedActorRef who) : actor(std::move(who)) {}
  BoxedActorRef actor;
};
struct Unwatch {
  explicit Unwatch(BoxedActorRef who) : actor(std::move(who)) {}
  BoxedActorRef actor;
};

class Watchdog : public coerce::Actor {
 public:
  explicit Watchdog(Log& log) : log_(&log) {}
  std::optional<ActorRefErr::Kind> handle(const Watch& watch, ActorContext& ctx) {
    return kind_of(ctx.watch(watch.actor));
  }
  void handle(const Unwatch& unwatch, ActorContext& ctx) { ctx.unwatch(unwatch.actor); }
  void handle(const ActorTerminated& ended, ActorContext&) {
    log_->add(ended.actor_ref().actor_id().str() + " " +
              std::string(to_string(ended.reason().kind())) + " " + ended.reason().detail() +
              (ended.actor_ref().is_valid() ? " alive" : ""));
  }

 private:
  Log* log_;
};

struct Kennel {
  Kennel() : dog(start<Watchdog>(system, log)) {}
  LocalActorRef<Target> target(std::string_view id) { return start_tracked<Target>(system, id); }
  std::optional<ActorRefErr::Kind> watch(const LocalActorRef<Target>& who) {
    return value_of(system.block_on(dog.send<Watch>(boxed(who))));
  }
  void unwatch(const LocalActorRef<Target>& who) {
    value_of(system.block_on(dog.send<Unwatch>(boxed(who))));
  }
  static BoxedActorRef boxed(const LocalActorRef<Target>& who) { return BoxedActorRef(who.cell()); }

  Log log;
  ActorSystem system = ActorSystem::builder().worker_threads(0).build();
  LocalActorRef<Watchdog> dog;
};

}  // namespace

TEST_CASE("a watching actor learns of every way to end, with the reason", "[watch]") {
  Kennel kennel;
  const auto stopped = kennel.target("stopped");
  const auto failed = kennel.target("failed");
  CHECK_FALSE(kennel.watch(stopped));
  CHECK_FALSE(kennel.watch(failed));
  CHECK(stopped.notify_stop());
  failed.notify(Throw{});
  kennel.system.poll();
  CHECK(kennel.log.lines() == Lines{"stopped Stopped ", "failed Failed boom"});
}

TEST_CASE("watching an actor that has ended tells so at once", "[watch]") {
  Kennel kennel;
  const auto failed = kennel.target("failed");
  failed.notify(Throw{});
  kennel.system.poll();
  CHECK_FALSE(kennel.watch(failed));
  kennel.system.poll();
  CHECK(kennel.log.lines() == Lines{"failed Failed boom"});
}

TEST_CASE("two watches give one event", "[watch]") {
  Kennel kennel;
  const auto target = kennel.target("t");
  CHECK_FALSE(kennel.watch(target));
  CHECK_FALSE(kennel.watch(target));
  CHECK(target.notify_stop());
  kennel.system.poll();
  CHECK(kennel.log.lines().size() == 1);
}

TEST_CASE("an actor that is watched no more is not told of", "[watch]") {
  Kennel kennel;
  const auto target = kennel.target("t");
  CHECK_FALSE(kennel.watch(target));
  kennel.unwatch(target);
  CHECK(target.notify_stop());
  kennel.system.poll();
  CHECK(kennel.log.lines().empty());
}

TEST_CASE("a notice that waits in the mailbox is not handled after unwatch", "[watch]") {
  Kennel kennel;
  const auto target = kennel.target("t");
  CHECK(target.notify_stop());
  kennel.system.poll();
  kennel.dog.notify<Watch>(Kennel::boxed(target));
  kennel.dog.notify<Unwatch>(Kennel::boxed(target));
  kennel.system.poll();
  CHECK(kennel.log.lines().empty());
  CHECK(kennel.system.dead_letter_count() == 0);
}

TEST_CASE("an actor cannot watch itself", "[watch]") {
  Kennel kennel;
  const auto answer =
      kennel.system.block_on(kennel.dog.send<Watch>(BoxedActorRef(kennel.dog.cell())));
  CHECK(value_of(answer) == ActorRefErr::Kind::NotSupported);
}

TEST_CASE("an actor without a handler for ActorTerminated cannot watch", "[watch]") {
  Kennel kennel;
  const auto target = kennel.target("t");
  class Blind : public coerce::Actor {
   public:
    std::optional<ActorRefErr::Kind> handle(const Watch& request, ActorContext& ctx) {
      return kind_of(ctx.watch(request.actor));
    }
  };
  const auto blind = start<Blind>(kennel.system);
  CHECK(value_of(kennel.system.block_on(blind.send<Watch>(Kennel::boxed(target)))) ==
        ActorRefErr::Kind::NotSupported);
}

TEST_CASE("watching keeps nobody alive, and the end of a watcher leaves nothing behind",
          "[watch]") {
  Kennel kennel;
  std::optional<LocalActorRef<Target>> anonymous = start<Target>(kennel.system);
  const auto id = anonymous->actor_id();
  CHECK_FALSE(kennel.watch(*anonymous));
  anonymous.reset();
  kennel.system.poll();
  CHECK(kennel.log.lines() == Lines{id.str() + " Unreferenced "});

  const auto target = kennel.target("t");
  CHECK_FALSE(kennel.watch(target));
  CHECK(kennel.system.block_on(kennel.dog.stop()));
  CHECK(target.notify_stop());
  kennel.system.poll();
  CHECK(kennel.system.live_actor_count() == 0);
}
