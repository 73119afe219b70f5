#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <optional>
#include <string>

using namespace coerce::test;
using namespace std::chrono_literals;
using coerce::ActorContext;
using coerce::ActorId;
using coerce::ActorRefErr;
using coerce::LocalActorRef;
using coerce::Task;
using coerce::TimePoint;
using Kind = ActorRefErr::Kind;

namespace {

std::string name_of_sender(const ActorContext& ctx) {
  const auto sender = ctx.sender();
  return sender ? std::string(sender->actor_id().view()) : "nobody";
}

struct WhoAsks {
  using Result = std::string;
};
struct WhoAsksLater {
  using Result = std::string;
};
struct WhoNotifies {};
struct WhoWasIt {
  using Result = std::string;
};
struct Until {
  using Result = std::optional<TimePoint>;
};
struct Never {
  using Result = int;
};

class Witness : public coerce::Actor {
 public:
  std::string handle(WhoAsks, ActorContext& ctx) { return name_of_sender(ctx); }
  Task<std::string> handle(WhoAsksLater, ActorContext& ctx) {
    co_await coerce::yield();
    co_return name_of_sender(ctx);
  }
  void handle(WhoNotifies, ActorContext& ctx) { notified_by_ = name_of_sender(ctx); }
  std::string handle(WhoWasIt, ActorContext&) { return notified_by_; }
  std::optional<TimePoint> handle(Until, ActorContext& ctx) { return ctx.deadline(); }
  Task<int> handle(Never, ActorContext&) {
    (void)co_await coerce::sleep_for(1h);
    co_return 1;
  }

 private:
  std::string notified_by_;
};

struct Ask {
  using Result = std::string;
};
struct AskLater {
  using Result = std::string;
};
struct AskWithin {
  using Result = std::string;
};
struct Notify {
  using Result = std::string;
};
struct NotifyAnonymously {
  using Result = std::string;
};
struct AskUntil {
  using Result = std::optional<TimePoint>;
};
struct AskNever {
  using Result = Kind;
};

class Asker : public coerce::Actor {
 public:
  explicit Asker(LocalActorRef<Witness> witness) : witness_(std::move(witness)) {}

  Task<std::string> handle(Ask, ActorContext&) {
    auto answer = co_await witness_.send(WhoAsks{});
    co_return answer.value();
  }
  Task<std::string> handle(AskLater, ActorContext&) {
    auto answer = co_await witness_.send(WhoAsksLater{});
    co_return answer.value();
  }
  Task<std::string> handle(AskWithin, ActorContext&) {
    auto answer = co_await witness_.send(WhoAsks{}, 1min);
    co_return answer.value();
  }
  Task<std::string> handle(Notify, ActorContext& ctx) {
    (void)witness_.notify_from(ctx, WhoNotifies{});
    auto answer = co_await witness_.send(WhoWasIt{});
    co_return answer.value();
  }
  Task<std::string> handle(NotifyAnonymously, ActorContext&) {
    (void)witness_.notify(WhoNotifies{});
    auto answer = co_await witness_.send(WhoWasIt{});
    co_return answer.value();
  }
  Task<std::optional<TimePoint>> handle(AskUntil, ActorContext&) {
    co_await coerce::yield();
    auto answer = co_await witness_.send(Until{});
    co_return answer.value();
  }
  Task<Kind> handle(AskNever, ActorContext&) {
    auto answer = co_await witness_.send(Never{});
    co_return answer.error().kind();
  }

 private:
  LocalActorRef<Witness> witness_;
};

struct Stage {
  coerce::ManualClock clock;
  coerce::ActorSystem system =
      coerce::ActorSystem::builder().worker_threads(0).clock(clock).build();
  LocalActorRef<Witness> witness = start<Witness>(system);
  LocalActorRef<Asker> asker = start_tracked<Asker>(system, "asker", witness);

  template <class M>
  auto ask(M message) {
    return value_of(system.block_on(asker.send(std::move(message))));
  }
};

}  // namespace

TEST_CASE("a handler sees which actor awaits its answer", "[sender]") {
  Stage stage;
  CHECK(stage.ask(Ask{}) == "asker");
  CHECK(stage.ask(AskLater{}) == "asker");
  CHECK(stage.ask(AskWithin{}) == "asker");
}

TEST_CASE("notify_from names its sender, and notify does not", "[sender]") {
  Stage stage;
  CHECK(stage.ask(Notify{}) == "asker");
  CHECK(stage.ask(NotifyAnonymously{}) == "nobody");
}

TEST_CASE("a message from outside of actors has no sender", "[sender]") {
  Stage stage;
  CHECK(value_of(stage.system.block_on(stage.witness.send(WhoAsks{}))) == "nobody");
  CHECK(value_of(stage.system.block_on(stage.witness.send(WhoAsks{}, 1min))) == "nobody");
}

TEST_CASE("a handler sees until when its answer is wanted, or that nobody said so", "[sender]") {
  Stage stage;
  auto& [clock, system, witness, asker] = stage;
  CHECK(value_of(system.block_on(witness.send(Until{}))) == std::nullopt);
  CHECK(value_of(system.block_on(witness.send(Until{}, 7s))) == clock.now() + 7s);
}

TEST_CASE("what a handler asks inherits the deadline of what it handles", "[sender]") {
  Stage stage;
  auto& [clock, system, witness, asker] = stage;
  CHECK(value_of(system.block_on(asker.send(AskUntil{}, 7s))) == clock.now() + 7s);
  CHECK(value_of(system.block_on(asker.send(AskUntil{}))) == std::nullopt);
}

TEST_CASE("what a handler awaits ends with Timeout at the deadline of what it handles",
          "[sender]") {
  Stage stage;
  auto& [clock, system, witness, asker] = stage;
  std::optional<Kind> of_sender, of_handler;
  const auto ask = [](LocalActorRef<Asker> to, std::optional<Kind>& outer,
                      std::optional<Kind>& inner) -> Task<void> {
    auto answer = co_await to.send(AskNever{}, 5s);
    if (answer)
      inner = *answer;
    else
      outer = answer.error().kind();
  };
  system.spawn(ask(asker, of_sender, of_handler));
  system.poll();
  clock.advance(4s);
  system.poll();
  CHECK_FALSE((of_sender || of_handler));
  clock.advance(1s + 2ms);
  system.poll();
  CHECK((of_sender == Kind::Timeout || of_handler == Kind::Timeout));
  CHECK(value_of(system.block_on(asker.status())) == coerce::ActorStatus::Started);
}

TEST_CASE("a refused notify_from tells its sender and keeps nobody in memory", "[sender]") {
  Stage stage;
  auto& [clock, system, witness, asker] = stage;
  value_of(system.block_on(witness.stop()));
  CHECK_FALSE(system.block_on(asker.send(Notify{})).has_value());
}
