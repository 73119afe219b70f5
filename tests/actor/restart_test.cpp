#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace coerce::test;
using namespace std::chrono_literals;
using coerce::ActorContext;
using coerce::ActorId;
using coerce::ActorRefErr;
using coerce::ActorSystem;
using coerce::BackoffOptions;
using coerce::ChildStopped;
using coerce::Directive;
using coerce::LocalActorRef;
using coerce::Result;
using coerce::StopReason;
using coerce::SupervisionScope;
using coerce::SupervisorStrategy;
using coerce::Task;

namespace {

using Lines = std::vector<std::string>;

struct Add {
  using Result = int;
  explicit Add(int n) : value(n) {}
  int value;
};
struct Fail {
  explicit Fail(std::string why) : text(std::move(why)) {}
  std::string text;
};

/// Adds up; fails on demand; writes down what happens to it.
class Adder : public coerce::Actor {
 public:
  static constexpr std::string_view type_name = "Adder";
  Adder(Log& log, std::string name) : log_(&log), name_(std::move(name)) {}

  Task<void> started(ActorContext&) {
    log_->add(name_ + " started");
    co_return;
  }
  void stopped(ActorContext&) { log_->add(name_ + " stopped"); }
  void pre_restart(std::exception_ptr error, ActorContext&) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& exception) {
      log_->add(name_ + " goes: " + exception.what());
    }
  }
  void post_restart(ActorContext&) { log_->add(name_ + " is back"); }

  int handle(Add add, ActorContext&) { return sum_ += add.value; }
  void handle(const Fail& fail, ActorContext&) { throw std::runtime_error(fail.text); }

 private:
  Log* log_;
  std::string name_;
  int sum_ = 0;
};

/// Spawns one Adder with a factory and a strategy for each name.
class Parent : public coerce::Actor {
 public:
  static constexpr std::string_view type_name = "Parent";
  Parent(Log& log, SupervisorStrategy strategy, std::vector<std::string> names)
      : log_(&log), strategy_(std::move(strategy)), names_(std::move(names)) {}

  Task<void> started(ActorContext& ctx) {
    for (const std::string& name : names_) {
      const auto factory = [log = log_, name] { return Adder(*log, name); };
      auto child = co_await ctx.spawn(name, factory, strategy_);
      children_.push_back(value_of(std::move(child)));
    }
  }
  void on_child_stopped(const ChildStopped& child, ActorContext&) {
    log_->add(child.id().str() + " ended: " + std::string(to_string(child.reason().kind())) + " " +
              child.reason().detail());
  }

  struct Child {
    using Result = LocalActorRef<Adder>;
    explicit Child(std::size_t which) : index(which) {}
    std::size_t index;
  };
  LocalActorRef<Adder> handle(Child which, ActorContext&) { return children_.at(which.index); }

 private:
  Log* log_;
  SupervisorStrategy strategy_;
  std::vector<std::string> names_;
  std::vector<LocalActorRef<Adder>> children_;
};

/// A caller-driven system on a clock of its own with one family.
struct Family {
  explicit Family(SupervisorStrategy strategy, std::vector<std::string> names = {"child"})
      : parent(start<Parent>(system, log, std::move(strategy), std::move(names))) {}

  LocalActorRef<Adder> child(std::size_t index = 0) {
    return value_of(system.block_on(parent.send(Parent::Child(index))));
  }
  Result<int> add(const LocalActorRef<Adder>& to, int n) {
    return system.block_on(to.send(Add(n)));
  }
  Result<void> fail(const LocalActorRef<Adder>& who, std::string why = "oh") {
    auto answer = system.block_on(who.send<Fail>(std::move(why)));
    system.poll();
    return answer;
  }
  void pass(coerce::Duration time) {
    clock.advance(time);
    system.poll();
  }

  coerce::ManualClock clock;
  Log log;
  ActorSystem system = ActorSystem::builder().worker_threads(0).clock(clock).seed(7).build();
  LocalActorRef<Parent> parent;
};

}  // namespace

TEST_CASE("a restarted actor begins anew behind the same reference", "[restart]") {
  Family family(SupervisorStrategy::restart());
  const auto child = family.child();
  CHECK(value_of(family.add(child, 5)) == 5);
  CHECK(error_of(family.fail(child)).kind() == ActorRefErr::Kind::HandlerFailed);
  CHECK(value_of(family.add(child, 1)) == 1);
  CHECK(family.log.lines() == Lines{"child started", "child goes: oh", "child is back"});
}

TEST_CASE("what waits in the mailbox outlives a restart, in order", "[restart]") {
  Family family(SupervisorStrategy::restart());
  const auto child = family.child();
  CHECK(value_of(family.add(child, 5)) == 5);
  child.notify<Fail>("first");
  Event<Result<int>> second;
  Event<Result<int>> third;
  child.deliver(Add(1), sender_into(second));
  child.deliver(Add(2), sender_into(third));
  family.system.poll();
  CHECK(value_of(second.wait()) == 1);
  CHECK(value_of(third.wait()) == 3);
}

TEST_CASE("a resumed actor keeps its state", "[restart]") {
  Family family(SupervisorStrategy::resume());
  const auto child = family.child();
  CHECK(value_of(family.add(child, 5)) == 5);
  CHECK(error_of(family.fail(child)).kind() == ActorRefErr::Kind::HandlerFailed);
  CHECK(value_of(family.add(child, 1)) == 6);
  CHECK(family.log.lines() == Lines{"child started"});
}

TEST_CASE("an actor that fails too often within the window stops", "[restart]") {
  Family family(SupervisorStrategy::restart().max_restarts(2).within(10s));
  const auto child = family.child();
  for (int i = 0; i < 2; ++i) (void)family.fail(child);
  CHECK(child.is_valid());
  family.pass(11s);
  for (int i = 0; i < 2; ++i) (void)family.fail(child);
  CHECK(child.is_valid());
  (void)family.fail(child, "once too often");
  CHECK_FALSE(child.is_valid());
  CHECK(family.log.lines().back() == "child ended: Failed once too often");
}

TEST_CASE("restarts wait longer and longer, and messages wait with them", "[restart]") {
  Family family(SupervisorStrategy::restart().backoff({.min = 1s, .max = 3s, .jitter = 0}));
  const auto child = family.child();
  for (const auto wait : {1s, 2s, 3s}) {
    (void)family.fail(child);
    Event<Result<int>> answer;
    child.deliver(Add(1), sender_into(answer));
    family.pass(wait - 10ms);
    CHECK(family.log.lines().back() == "child goes: oh");
    family.pass(20ms);
    CHECK(family.log.lines().back() == "child is back");
    CHECK(value_of(answer.wait()) == 1);
  }
}

TEST_CASE("an actor whose restart waits can be stopped", "[restart]") {
  Family family(SupervisorStrategy::restart().backoff({.min = 1h, .max = 1h}));
  const auto child = family.child();
  (void)family.fail(child);
  Event<Result<int>> answer;
  child.deliver(Add(1), sender_into(answer));
  CHECK(family.system.block_on(child.stop()).has_value());
  CHECK(error_of(answer.wait()).kind() == ActorRefErr::Kind::ResultChannelClosed);
  CHECK(family.log.lines().back() == "child ended: Stopped ");
}

TEST_CASE("a strategy for all restarts the siblings too", "[restart]") {
  Family family(SupervisorStrategy::restart().scope(SupervisionScope::AllForOne), {"a", "b"});
  const auto a = family.child(0);
  const auto b = family.child(1);
  CHECK(value_of(family.add(b, 5)) == 5);
  (void)family.fail(a);
  CHECK(value_of(family.add(b, 1)) == 1);
}

TEST_CASE("a strategy for all stops the siblings too", "[restart]") {
  Family family(SupervisorStrategy::stop().scope(SupervisionScope::AllForOne), {"a", "b"});
  const auto b = family.child(1);
  (void)family.fail(family.child(0), "why");
  CHECK_FALSE(b.is_valid());
  CHECK(family.log.lines().back() == "b ended: Failed a sibling failed: why");
}

TEST_CASE("a decider is asked each time, and stops the actor if it throws", "[restart]") {
  int asked = 0;
  const auto decider = [&asked](const std::exception_ptr&) {
    if (++asked == 2) throw std::runtime_error("undecided");
    return Directive::Resume;
  };
  Family family(SupervisorStrategy::decide(decider));
  const auto child = family.child();
  (void)family.fail(child);
  CHECK(child.is_valid());
  (void)family.fail(child);
  CHECK_FALSE(child.is_valid());
  CHECK(asked == 2);
}

TEST_CASE("an escalated failure is the parent's", "[restart]") {
  Family family(SupervisorStrategy::escalate());
  (void)family.fail(family.child(), "too much for me");
  CHECK_FALSE(family.parent.is_valid());
  CHECK(family.log.lines().back() == "child ended: Failed too much for me");
  CHECK(family.system.failure_count() == 2);
}

TEST_CASE("a failure that is escalated at the top shuts the system down", "[restart]") {
  Log log;
  coerce::ManualClock clock;
  auto system = ActorSystem::builder()
                    .worker_threads(0)
                    .clock(clock)
                    .top_level_strategy(SupervisorStrategy::escalate())
                    .build();
  const auto actor = start<Adder>(system, log, "top");
  actor.notify<Fail>("the end");
  system.poll();
  CHECK(system.is_terminated());
  CHECK(system.live_actor_count() == 0);
}

TEST_CASE("a top-level actor is restarted by its factory", "[restart]") {
  Log log;
  auto system = ActorSystem::builder()
                    .worker_threads(0)
                    .top_level_strategy(SupervisorStrategy::restart())
                    .build();
  const auto factory = [&log] { return Adder(log, "top"); };
  const auto actor = value_of(system.block_on(system.new_actor("top", factory)));
  CHECK(value_of(system.block_on(actor.send(Add(2)))) == 2);
  actor.notify<Fail>("oh");
  CHECK(value_of(system.block_on(actor.send(Add(1)))) == 1);
}

namespace {

/// Made by coroutines that wait; the second time they fail.
class Hard : public coerce::Actor {
 public:
  void handle(const Fail& fail, ActorContext&) { throw std::runtime_error(fail.text); }
};

class HardParent : public coerce::Actor {
 public:
  HardParent(Log& log, int failing_from) : log_(&log), failing_from_(failing_from) {}

  Task<void> started(ActorContext& ctx) {
    const auto factory = [this]() -> Task<Result<Hard>> {
      const int made = ++made_;
      const bool woken = co_await coerce::sleep_for(1s);
      if (!woken || made >= failing_from_)
        co_return coerce::unexpected(ActorRefErr::NotFound("parts"));
      co_return Hard();
    };
    auto child = co_await ctx.spawn("hard", factory, SupervisorStrategy::restart().max_restarts(3));
    if (child)
      child_ = *child;
    else
      log_->add("no start");
  }
  void on_child_stopped(const ChildStopped& child, ActorContext&) {
    log_->add(std::string(to_string(child.reason().kind())));
  }
  struct Child {
    using Result = LocalActorRef<Hard>;
  };
  Result<LocalActorRef<Hard>> handle(Child, ActorContext&) { return child_.value(); }
  int made() const { return made_; }

 private:
  Log* log_;
  int failing_from_;
  int made_ = 0;
  std::optional<LocalActorRef<Hard>> child_;
};

struct HardFamily {
  explicit HardFamily(int failing_from) {
    auto started = system.new_actor_deferred("parent", HardParent(log, failing_from));
    parent = value_of(system.block_on(std::move(started)));
    pass();
  }
  void pass() {
    clock.advance(2s);
    system.poll();
  }
  coerce::ManualClock clock;
  Log log;
  ActorSystem system = ActorSystem::builder().worker_threads(0).clock(clock).build();
  std::optional<LocalActorRef<HardParent>> parent;
};

}  // namespace

TEST_CASE("a factory may be a coroutine that waits", "[restart]") {
  HardFamily family(3);
  const auto child = value_of(family.system.block_on(family.parent->send(HardParent::Child{})));
  child.notify<Fail>("again");
  family.system.poll();
  family.pass();
  CHECK(child.is_valid());
  CHECK(family.log.lines().empty());
}

TEST_CASE("a factory that fails fails the start", "[restart]") {
  HardFamily family(1);
  CHECK(family.log.lines() == Lines{"no start"});
  CHECK(family.system.live_actor_count() == 1);
}

TEST_CASE("a factory that fails at a restart is tried again up to the limit", "[restart]") {
  HardFamily family(2);
  const auto child = value_of(family.system.block_on(family.parent->send(HardParent::Child{})));
  child.notify<Fail>("again");
  family.system.poll();
  for (int i = 0; i < 5; ++i) family.pass();
  CHECK_FALSE(child.is_valid());
  CHECK(family.log.lines() == Lines{"Failed"});
}

namespace {

/// Has children that must be gone before it is made anew.
class Ancestor : public coerce::Actor {
 public:
  explicit Ancestor(Log& log) : log_(&log) {}
  Task<void> started(ActorContext& ctx) {
    auto child = co_await ctx.spawn<Adder>("leaf", *log_, "leaf");
    log_->add(child ? "ancestor started" : "no leaf");
  }
  void pre_restart(std::exception_ptr, ActorContext& ctx) {
    log_->add("children left: " + std::to_string(ctx.supervised_count()));
    throw std::runtime_error("a hook's failure changes nothing");
  }
  void handle(const Fail& fail, ActorContext&) { throw std::runtime_error(fail.text); }

 private:
  Log* log_;
};

}  // namespace

TEST_CASE("children end before their parent is made anew, and started makes new ones",
          "[restart]") {
  Log log;
  auto system = ActorSystem::builder()
                    .worker_threads(0)
                    .top_level_strategy(SupervisorStrategy::restart())
                    .build();
  const auto factory = [&log] { return Ancestor(log); };
  const auto actor = value_of(system.block_on(system.new_actor("ancestor", factory)));
  actor.notify<Fail>("oh");
  system.poll();
  CHECK(log.lines() == Lines{"leaf started", "ancestor started", "leaf stopped", "children left: 0",
                             "leaf started", "ancestor started"});
  CHECK(actor.is_valid());
}
