#include <coerce/actor/wait_graph.hpp>

#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <optional>

using namespace coerce::test;
using namespace std::chrono_literals;
using coerce::ActorContext;
using coerce::LocalActorRef;
using coerce::Task;

namespace {

struct Ask {
  static constexpr std::string_view type_name = "Ask";
};

/// Asks the actor that it knows, which does the same.
class Link : public coerce::Actor {
 public:
  Task<void> handle(Ask, ActorContext&) {
    if (next_)
      (void)co_await next_->send(Ask{});
    else
      (void)co_await coerce::sleep_for(1h);
  }
  void know(LocalActorRef<Link> next) { next_ = std::move(next); }

 private:
  std::optional<LocalActorRef<Link>> next_;
};

struct Stage {
  coerce::ManualClock clock;
  coerce::ActorSystem system =
      coerce::ActorSystem::builder().worker_threads(0).clock(clock).system_name("s").build();

  LocalActorRef<Link> link(std::string_view id) { return start_tracked<Link>(system, id); }
  void join(const LocalActorRef<Link>& from, const LocalActorRef<Link>& to) {
    const auto know = [to](Link& link) { link.know(to); };
    (void)from.notify_exec(know);
    system.poll();
  }
};

}  // namespace

TEST_CASE("the wait graph tells whose handler awaits whom, and with what", "[wait_graph]") {
  Stage stage;
  auto a = stage.link("a"), b = stage.link("b"), c = stage.link("c");
  stage.join(a, b);
  stage.join(c, b);
  (void)a.notify(Ask{});
  (void)c.notify(Ask{});
  stage.system.poll();
  const auto graph = stage.system.block_on(stage.system.wait_graph());
  REQUIRE(graph.edges.size() == 2);
  std::string text = graph.to_string();
  CHECK(text.find("s/a waits for s/b (Ask)") != std::string::npos);
  CHECK(text.find("s/c waits for s/b (Ask)") != std::string::npos);
  CHECK(graph.cycles.empty());
}

TEST_CASE("the wait graph names the actors that wait in a ring", "[wait_graph]") {
  Stage stage;
  auto a = stage.link("a"), b = stage.link("b"), c = stage.link("c"), outside = stage.link("o");
  stage.join(outside, a);
  stage.join(a, b);
  stage.join(b, c);
  stage.join(c, a);
  (void)outside.notify(Ask{});
  stage.system.poll();
  const auto graph = stage.system.block_on(stage.system.wait_graph());
  REQUIRE(graph.cycles.size() == 1);
  CHECK(graph.cycles.front().size() == 3);
  for (const auto& actor : graph.cycles.front()) CHECK(actor.view() != "s/o");
  CHECK(graph.to_string().find("cycle: ") != std::string::npos);
}

TEST_CASE("a wait graph holds no more edges than asked for", "[wait_graph]") {
  Stage stage;
  auto hub = stage.link("hub");
  for (int i = 0; i < 5; ++i) {
    auto asker = stage.link("a" + std::to_string(i));
    stage.join(asker, hub);
    (void)asker.notify(Ask{});
  }
  stage.system.poll();
  const auto graph = stage.system.block_on(stage.system.wait_graph({.max_edges = 3}));
  CHECK(graph.edges.size() == 3);
}

TEST_CASE("an actor that keeps its worker is named as silent in a wait graph", "[wait_graph]") {
  const Gate entered, release;
  auto system = make_system();
  const OpenAtEnd at_end(release);
  auto held = start_tracked<HeldActor>(system, "held", entered, release);
  (void)held.notify(Block{});
  REQUIRE(entered.wait());
  const auto graph = system.block_on(system.wait_graph({.actor_timeout = 1ms}));
  REQUIRE(graph.silent.size() == 1);
  CHECK(graph.silent.front().view() == std::string(held.actor_path().view()) + "/held");
  const auto described = system.block_on(held.describe({.child_timeout = 1ms}));
  REQUIRE_FALSE(described.is_ok());
  CHECK(described.error().message_type() == "Block");
}

TEST_CASE("a description tells for how long the present message has been handled", "[describe]") {
  Stage stage;
  auto a = stage.link("a");
  (void)a.notify(Ask{});
  stage.system.poll();
  stage.clock.advance(1500ms);
  const auto described = stage.system.block_on(a.describe());
  REQUIRE(described.is_ok());
  CHECK(described.description().current_message == "Ask");
  CHECK(described.description().handling_for == 1500ms);
}

namespace {

struct AskChild {};
struct Shelve {
  using Result = void;
};
struct Grow {};

class Parent;

/// Asks its parent a question before it has started.
class EagerChild : public coerce::Actor {
 public:
  explicit EagerChild(LocalActorRef<Parent> parent) : parent_(std::move(parent)) {}
  Task<void> started(ActorContext&);

 private:
  LocalActorRef<Parent> parent_;
};

class Parent : public coerce::Actor {
 public:
  Task<void> handle(Grow, ActorContext& ctx) {
    auto child = co_await ctx.spawn<EagerChild>("child", ctx.actor_ref<Parent>());
    (void)child;
  }
  void handle(Shelve shelve, ActorContext& ctx) { (void)ctx.stash(shelve); }
};

Task<void> EagerChild::started(ActorContext&) { (void)co_await parent_.send(Shelve{}); }

struct AskBriefly {};
struct AskForLong {};

/// Asks with a limit, or without one.
class Patience : public coerce::Actor {
 public:
  Task<void> handle(AskBriefly, ActorContext&) {
    (void)co_await next_->send(Ask{}, 10ms);
    (void)co_await coerce::sleep_for(1h);
  }
  void know(LocalActorRef<Link> next) { next_ = std::move(next); }

 private:
  std::optional<LocalActorRef<Link>> next_;
};

/// Asks an actor whose question it has put aside.
class Shelf : public coerce::Actor {
 public:
  void handle(Shelve shelve, ActorContext& ctx) { (void)ctx.stash(shelve); }
};

class Depositor : public coerce::Actor {
 public:
  explicit Depositor(LocalActorRef<Shelf> shelf) : shelf_(std::move(shelf)) {}
  Task<void> handle(AskForLong, ActorContext&) { (void)co_await shelf_.send(Shelve{}); }

 private:
  LocalActorRef<Shelf> shelf_;
};

}  // namespace

TEST_CASE("a parent that awaits a child that awaits its parent is a cycle", "[wait_graph]") {
  Stage stage;
  auto parent = start_tracked<Parent>(stage.system, "parent");
  (void)parent.notify(Grow{});
  stage.system.poll();
  const auto graph = stage.system.block_on(stage.system.wait_graph());
  REQUIRE(graph.cycles.size() == 1);
  CHECK(graph.cycles.front().size() == 2);
}

TEST_CASE("who has given up waiting is in no wait graph", "[wait_graph]") {
  Stage stage;
  auto busy = stage.link("busy");
  (void)busy.notify(Ask{});  // for an hour
  auto asker = start_tracked<Patience>(stage.system, "asker");
  const auto know = [busy](Patience& actor) { actor.know(busy); };
  (void)asker.notify_exec(know);
  (void)asker.notify(AskBriefly{});
  stage.system.poll();
  CHECK(stage.system.block_on(stage.system.wait_graph()).edges.size() == 1);
  stage.clock.advance(20ms);
  stage.system.poll();
  CHECK(stage.system.block_on(stage.system.wait_graph()).edges.empty());
}

TEST_CASE("who waits for a question that was put aside is in the wait graph", "[wait_graph]") {
  Stage stage;
  auto shelf = start_tracked<Shelf>(stage.system, "shelf");
  auto depositor = start_tracked<Depositor>(stage.system, "depositor", shelf);
  (void)depositor.notify(AskForLong{});
  stage.system.poll();
  const auto graph = stage.system.block_on(stage.system.wait_graph());
  REQUIRE(graph.edges.size() == 1);
  CHECK(graph.edges.front().to.view() == "s/shelf");
}
