#include <coerce/actor/pipe.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace coerce::test;
using namespace std::chrono_literals;
using coerce::ActorContext;
using coerce::ActorRefErr;
using coerce::ActorSystem;
using coerce::LocalActorRef;
using coerce::Result;
using coerce::Task;
using Kind = ActorRefErr::Kind;
using Lines = std::vector<std::string>;

namespace {

class Loaded {
 public:
  explicit Loaded(std::string text) : text_(std::move(text)) {}
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

Task<std::string> load(std::string text, coerce::Duration takes = 1s) {
  const bool slept = co_await coerce::sleep_for(takes);
  if (!slept) co_return text + " cancelled";
  if (text == "nothing") throw std::runtime_error("nothing there");
  co_return text;
}
Task<Loaded> load_message(std::string text) { co_return Loaded(co_await load(std::move(text))); }
Task<Result<Loaded>> load_error() { co_return coerce::unexpected(ActorRefErr::Timeout(1s)); }

Loaded to_message(Result<std::string> result) {
  return Loaded(result ? *result : fmt::format("{}", result.error().detail()));
}

struct Pipe {
  using Result = void;
  std::function<coerce::Result<void>(ActorContext&)> start;
};

class Reader : public coerce::Actor {
 public:
  explicit Reader(Log& log) : log_(&log) {}
  void handle(const Loaded& loaded, ActorContext&) { log_->add(loaded.text()); }
  Result<void> handle(const Pipe& pipe, ActorContext& ctx) { return pipe.start(ctx); }
  void stopped(ActorContext&) { log_->add("stopped"); }

 private:
  Log* log_;
};

struct Bench {
  void pass(coerce::Duration time) {
    clock.advance(time);
    system.poll();
  }
  template <class F>
  Result<void> inside(F function) {
    const Pipe pipe{function};
    auto result = system.block_on(reader->send(pipe));
    system.poll();
    return result;
  }

  coerce::ManualClock clock;
  Log log;
  ActorSystem system = ActorSystem::builder().worker_threads(0).clock(clock).build();
  std::optional<LocalActorRef<Reader>> reader = start<Reader>(system, log);
};

}  // namespace

TEST_CASE("the result of a task arrives as a message", "[pipe][B-111]") {
  Bench bench;
  coerce::pipe_to(load_message("page"), *bench.reader);
  bench.system.poll();
  CHECK(bench.log.lines().empty());
  bench.pass(1s);
  CHECK(bench.log.lines() == Lines{"page"});
}

TEST_CASE("what a piped task throws is published as a failure", "[pipe]") {
  Bench bench;
  std::optional<coerce::HandlerFailure> failure;
  const auto subscription = bench.system.events().subscribe<coerce::HandlerFailure>(
      [&](const coerce::HandlerFailure& published) { failure = published; });
  coerce::pipe_to(load_message("nothing"), *bench.reader);
  bench.system.poll();
  bench.pass(1s);
  REQUIRE(failure.has_value());
  CHECK(failure->text == "nothing there");
  CHECK(failure->message_type == "pipe_to");
  CHECK(bench.log.lines().empty());
}

TEST_CASE("an error that a piped task returns is published as a failure", "[pipe]") {
  Bench bench;
  coerce::pipe_to(load_error(), *bench.reader);
  bench.system.poll();
  CHECK(bench.system.failure_count() == 1);
  CHECK(bench.log.lines().empty());
}

TEST_CASE("a result for an actor that has ended is a dead letter", "[pipe]") {
  Bench bench;
  coerce::pipe_to(load_message("page"), *bench.reader);
  join(bench.system, *bench.reader);
  bench.pass(1s);
  CHECK(bench.system.dead_letter_count() == 1);
}

TEST_CASE("a piped task keeps an anonymous actor alive until its result is handled", "[pipe]") {
  Bench bench;
  coerce::pipe_to(load_message("page"), *bench.reader);
  bench.reader.reset();
  bench.system.poll();
  bench.pass(1s);
  CHECK(bench.log.lines() == Lines{"page", "stopped"});
}

TEST_CASE("an actor pipes a result to itself", "[pipe][B-111]") {
  Bench bench;
  value_of(bench.inside(
      [](ActorContext& ctx) { return ctx.pipe_to_self<Reader>(load("page"), to_message); }));
  CHECK(bench.log.lines().empty());
  bench.pass(1s);
  CHECK(bench.log.lines() == Lines{"page"});
}

TEST_CASE("a task that throws is piped to oneself as HandlerFailed", "[pipe]") {
  Bench bench;
  value_of(bench.inside([](ActorContext& ctx) {
    return ctx.pipe_to_self<Reader>(load("nothing"), [](Result<std::string> result) {
      const bool failed = kind_of(result) == Kind::HandlerFailed;
      return Loaded(failed ? "failed: " + std::string(result.error().detail()) : "?");
    });
  }));
  bench.pass(1s);
  CHECK(bench.log.lines() == Lines{"failed: nothing there"});
  CHECK(bench.system.failure_count() == 0);
}

TEST_CASE("tasks of void and of a Result are piped to oneself flat", "[pipe]") {
  Bench bench;
  value_of(bench.inside([](ActorContext& ctx) -> Result<void> {
    const auto nothing = []() -> Task<void> { co_return; };
    const auto refused = []() -> Task<Result<int>> {
      co_return coerce::unexpected(ActorRefErr::Cancelled());
    };
    if (auto piped = ctx.pipe_to_self<Reader>(
            nothing(), [](Result<void> result) { return Loaded(result ? "done" : "?"); });
        !piped)
      return piped;
    return ctx.pipe_to_self<Reader>(refused(), [](Result<int> result) {
      return Loaded(kind_of(result) == Kind::Cancelled ? "cancelled" : "?");
    });
  }));
  auto lines = bench.log.lines();
  std::sort(lines.begin(), lines.end());
  CHECK(lines == Lines{"cancelled", "done"});
}

TEST_CASE("a stopping actor cancels and awaits what it pipes to itself", "[pipe]") {
  Bench bench;
  std::string seen;
  value_of(bench.inside([&](ActorContext& ctx) {
    return ctx.pipe_to_self<Reader>(load("page", 1h), [&](Result<std::string> result) {
      seen = result.value_or("?");
      return Loaded(seen);
    });
  }));
  join(bench.system, *bench.reader);
  CHECK(seen == "page cancelled");
  CHECK(bench.log.lines() == Lines{"stopped"});
  CHECK(bench.system.dead_letter_count() == 1);
}

TEST_CASE("pipes to oneself count as tasks of the actor", "[pipe]") {
  Bench bench;
  const auto pipe = [](ActorContext& ctx) {
    return ctx.pipe_to_self<Reader>(load("page"), to_message, {.limit = 1});
  };
  value_of(bench.inside(pipe));
  CHECK(error_of(bench.inside(pipe)).kind() == Kind::Overloaded);
}

TEST_CASE("a pipe to an actor that is of another type is refused", "[pipe]") {
  struct Other : coerce::Actor {
    void handle(const Loaded&, ActorContext&) {}
  };
  Bench bench;
  CHECK(error_of(bench.inside([](ActorContext& ctx) {
          return ctx.pipe_to_self<Other>(load("page"), to_message);
        })).kind() == Kind::NotSupported);
}
