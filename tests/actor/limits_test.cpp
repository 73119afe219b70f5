// Limits of a system, and how its builder takes them.

#include <coerce/actor/system.hpp>

#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <optional>
#include <stdexcept>
#include <string>
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
