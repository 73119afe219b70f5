// Limits of a system, and how its builder takes them.

#include <coerce/actor/system.hpp>

#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace coerce::test;
using coerce::ActorContext;
using coerce::ActorRefErr;
using coerce::ActorSystem;
using coerce::LocalActorRef;
using coerce::Result;
using coerce::Task;
using Kind = ActorRefErr::Kind;
using namespace std::chrono_literals;

namespace {

struct SpawnChild {
  using Result = std::optional<Kind>;
};
struct SpawnChildDeferred {
  using Result = std::optional<Kind>;
};
struct Adopt {
  using Result = std::optional<Kind>;
  explicit Adopt(LocalActorRef<EchoActor> who) : actor(std::move(who)) {}
  LocalActorRef<EchoActor> actor;
};
struct StopFirst {};

class Parent : public coerce::Actor {
 public:
  Task<std::optional<Kind>> handle(SpawnChild, ActorContext& ctx) {
    auto child = co_await ctx.spawn(coerce::new_actor_id(), EchoActor{});
    if (child) children_.push_back(*child);
    co_return kind_of(child);
  }
  std::optional<Kind> handle(SpawnChildDeferred, ActorContext& ctx) {
    return kind_of(ctx.spawn_deferred(coerce::new_actor_id(), EchoActor{}));
  }
  std::optional<Kind> handle(const Adopt& adopt, ActorContext& ctx) {
    return kind_of(ctx.attach_child_ref(adopt.actor));
  }
  Task<Result<void>> handle(StopFirst, ActorContext&) {
    co_return co_await children_.front().stop();
  }

 private:
  std::vector<LocalActorRef<EchoActor>> children_;
};

struct Ring {};
struct CountRings {
  using Result = int;
};

class Bell : public coerce::Actor {
 public:
  static constexpr std::string_view type_name = "Bell";
  void handle(Ring, ActorContext&) { ++rings_; }
  int handle(CountRings, ActorContext&) { return rings_; }

 private:
  int rings_ = 0;
};

/// A system that may have two timers, its clock, and an actor for them.
struct Belfry {
  Belfry()
      : system(ActorSystem::builder().worker_threads(0).clock(clock).max_timers(2).build()),
        bell(start<Bell>(system)) {}

  void pass(coerce::Duration time) {
    clock.advance(time);
    system.poll();
  }
  int rings() { return value_of(system.block_on(bell.send(CountRings{}))); }

  coerce::ManualClock clock;
  ActorSystem system;
  LocalActorRef<Bell> bell;
};

/// What the builder says to a value that it does not take.
template <class F>
std::string complaint(F set) {
  auto builder = ActorSystem::builder();
  try {
    set(builder);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no complaint";
}

}  // namespace

TEST_CASE("a child beyond max_children is refused with Overloaded, however it comes",
          "[limits][supervision]") {
  auto system = ActorSystem::builder().worker_threads(0).max_children(2).build();
  auto parent = start<Parent>(system);
  auto outsider = start<EchoActor>(system);
  const auto spawn = [&] { return value_of(system.block_on(parent.send(SpawnChild{}))); };
  CHECK(spawn() == std::nullopt);
  CHECK(spawn() == std::nullopt);

  CHECK(spawn() == Kind::Overloaded);
  CHECK(value_of(system.block_on(parent.send(SpawnChildDeferred{}))) == Kind::Overloaded);
  CHECK(value_of(system.block_on(parent.send<Adopt>(outsider))) == Kind::Overloaded);
}

TEST_CASE("the end of a child makes room for another", "[limits][supervision]") {
  auto system = ActorSystem::builder().worker_threads(0).max_children(1).build();
  auto parent = start<Parent>(system);
  const auto spawn = [&] { return value_of(system.block_on(parent.send(SpawnChild{}))); };
  CHECK(spawn() == std::nullopt);
  CHECK(spawn() == Kind::Overloaded);
  value_of(system.block_on(parent.send(StopFirst{})));
  CHECK(spawn() == std::nullopt);
}

TEST_CASE("an actor beyond max_actors is refused with Overloaded, however it comes",
          "[limits][system]") {
  auto system = ActorSystem::builder().worker_threads(0).max_actors(2).build();
  const auto first = system.block_on(system.new_actor("first", EchoActor{}));
  const auto second = system.block_on(system.new_anon_actor(EchoActor{}));
  CHECK(kind_of(first) == std::nullopt);
  CHECK(kind_of(second) == std::nullopt);

  CHECK(kind_of(system.block_on(system.new_actor("third", EchoActor{}))) == Kind::Overloaded);
  CHECK(kind_of(system.block_on(system.new_anon_actor(EchoActor{}))) == Kind::Overloaded);
  CHECK(kind_of(system.block_on(system.new_actor_deferred("third", EchoActor{}))) ==
        Kind::Overloaded);
  CHECK(system.live_actor_count() == 2);
  CHECK_FALSE(system.get_tracked_actor<EchoActor>("third"));
}

TEST_CASE("the end of an actor makes room for another", "[limits][system]") {
  auto system = ActorSystem::builder().worker_threads(0).max_actors(1).build();
  for (int i = 0; i < 3; ++i) {
    auto actor = system.block_on(system.new_actor("again", EchoActor{}));
    REQUIRE(kind_of(actor) == std::nullopt);
    CHECK(kind_of(system.block_on(system.new_anon_actor(EchoActor{}))) == Kind::Overloaded);
    value_of(system.block_on(actor->stop()));
    system.poll();
  }
}

TEST_CASE("children are not counted as actors of the system", "[limits][supervision]") {
  auto system = ActorSystem::builder().worker_threads(0).max_actors(1).build();
  auto parent = start<Parent>(system);
  CHECK(value_of(system.block_on(parent.send(SpawnChild{}))) == std::nullopt);
  CHECK(value_of(system.block_on(parent.send(SpawnChild{}))) == std::nullopt);
}

TEST_CASE("a full system that shuts down says that it does", "[limits][system]") {
  auto system = ActorSystem::builder().worker_threads(0).max_actors(1).build();
  auto actor = start<EchoActor>(system);
  REQUIRE(system.shutdown_blocking().complete);
  CHECK(kind_of(system.new_actor_blocking("late", EchoActor{})) == Kind::ActorUnavailable);
}

TEST_CASE("workers that create together fill a system to its limit, and not beyond",
          "[limits][system]") {
  constexpr std::size_t limit = 1000;
  constexpr std::size_t tasks = 8;
  auto system = ActorSystem::builder().worker_threads(4).max_actors(limit).build();
  std::atomic<std::size_t> refused{0};
  std::vector<std::vector<LocalActorRef<EchoActor>>> made(tasks);
  const auto create = [&](std::size_t task) -> Task<void> {
    for (std::size_t i = 0; i < limit / 4; ++i) {
      auto actor = co_await system.new_anon_actor(EchoActor{});
      if (actor)
        made[task].push_back(*actor);
      else if (actor.error().kind() == Kind::Overloaded)
        ++refused;
      (void)co_await coerce::yield();
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t task = 0; task < tasks; ++task)
    threads.emplace_back([&, task] { system.block_on(create(task)); });
  for (auto& thread : threads) thread.join();

  std::size_t count = 0;
  for (const auto& some : made) count += some.size();
  CHECK(count == limit);
  CHECK(refused == tasks * (limit / 4) - limit);
  CHECK(system.live_actor_count() == limit);
}

TEST_CASE("a scheduled notify beyond max_timers is a dead letter at once", "[limits][timer]") {
  Belfry belfry;
  auto first = belfry.bell.scheduled_notify(Ring{}, 1s);
  (void)belfry.bell.scheduled_notify(Ring{}, 2s);
  std::optional<coerce::DeadLetter> letter;
  auto subscription = belfry.system.events().subscribe<coerce::DeadLetter>(
      [&](const coerce::DeadLetter& published) { letter = published; });

  auto refused = belfry.bell.scheduled_notify(Ring{}, 1s);
  CHECK(belfry.system.dead_letter_count() == 1);
  CHECK_FALSE(refused.cancel());
  belfry.pass(2s);
  CHECK(belfry.rings() == 2);
  REQUIRE(letter.has_value());
  CHECK(letter->message_type == coerce::type_name_of<Ring>());
  CHECK(letter->actor_type == "Bell");
}

TEST_CASE("a timer beyond max_timers does not tick, says so, and is counted as a dead letter",
          "[limits][timer]") {
  Belfry belfry;
  (void)belfry.bell.scheduled_notify(Ring{}, 1h);
  auto first = coerce::Timer::start(belfry.bell, 1s, Ring{});
  CHECK(first.is_ticking());

  auto second = coerce::Timer::start(belfry.bell, 1s, Ring{});
  auto third = coerce::Timer::start_immediately(belfry.bell, 1s, Ring{});
  CHECK_FALSE(second.is_ticking());
  CHECK_FALSE(third.is_ticking());
  CHECK(belfry.system.dead_letter_count() == 2);
  belfry.pass(1s);
  CHECK(belfry.rings() == 1);
}

TEST_CASE("what is due, cancelled or stopped makes room for another timer", "[limits][timer]") {
  Belfry belfry;
  auto cancelled = belfry.bell.scheduled_notify(Ring{}, 1h);
  {
    auto timer = coerce::Timer::start(belfry.bell, 1h, Ring{});
    CHECK(cancelled.cancel());
    (void)belfry.bell.scheduled_notify(Ring{}, 1s);
    CHECK_FALSE(coerce::Timer::start(belfry.bell, 1s, Ring{}).is_ticking());
  }
  auto second = coerce::Timer::start(belfry.bell, 1h, Ring{});
  CHECK(second.is_ticking());
  belfry.pass(1s);
  auto third = coerce::Timer::start(belfry.bell, 1h, Ring{});
  CHECK(third.is_ticking());
  CHECK(belfry.rings() == 1);
}

TEST_CASE("a message without delay needs no timer", "[limits][timer]") {
  Belfry belfry;
  (void)belfry.bell.scheduled_notify(Ring{}, 1h);
  (void)belfry.bell.scheduled_notify(Ring{}, 1h);
  (void)belfry.bell.scheduled_notify(Ring{}, 0s);
  CHECK(belfry.rings() == 1);
  CHECK(belfry.system.dead_letter_count() == 0);
}

TEST_CASE("a system refuses a task beyond max_spawned_tasks, and shuts down all the same",
          "[limits][system]") {
  auto system = ActorSystem::builder().worker_threads(0).max_spawned_tasks(1).build();
  const auto sleep = []() -> Task<void> { (void)co_await coerce::sleep_for(patience); };
  CHECK(system.spawn(sleep()));
  CHECK_FALSE(system.spawn(sleep()));
  CHECK(system.shutdown_blocking().complete);
}

TEST_CASE("a builder refuses a bad value and names the option", "[limits][system]") {
  using Builder = coerce::ActorSystemBuilder;
  const auto names = [](const std::string& text, const char* option) {
    CHECK_THAT(text, Catch::StartsWith(option));
  };
  names(complaint([](Builder& b) { b.system_name("a/b"); }), "system_name");
  names(complaint([](Builder& b) { b.system_name(""); }), "system_name");
  names(complaint([](Builder& b) { b.worker_threads(49); }), "worker_threads");
  names(complaint([](Builder& b) { b.seed(0); }), "seed");
  names(complaint([](Builder& b) { b.budget(0); }), "budget");
  names(complaint([](Builder& b) { b.max_spawned_tasks(0); }), "max_spawned_tasks");
  names(complaint([](Builder& b) { b.max_children(0); }), "max_children");
  names(complaint([](Builder& b) { b.max_actors(0); }), "max_actors");
  names(complaint([](Builder& b) { b.max_timers(0); }), "max_timers");
  names(complaint(
            [](Builder& b) { b.mailbox({.capacity = coerce::MailboxOptions::kMostCapacity + 1}); }),
        "mailbox");
}

TEST_CASE("a builder builds once", "[limits][system]") {
  auto builder = ActorSystem::builder();
  builder.worker_threads(0);
  const ActorSystem system = builder.build();
  CHECK_THROWS_AS(builder.build(), std::logic_error);
}
