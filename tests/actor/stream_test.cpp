#include <coerce/actor/stream.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace coerce::test;
using namespace std::chrono_literals;
using coerce::ActorContext;
using coerce::ActorRefErr;
using coerce::ActorSystem;
using coerce::attach_stream;
using coerce::LocalActorRef;
using coerce::Result;
using coerce::Task;
using Ints = std::vector<int>;

namespace {

struct Item {
  int value;
};
struct SlowItem {
  int value;
};

class Sink : public coerce::Actor {
 public:
  explicit Sink(Ints& items) : items_(&items) {}
  void handle(Item item, ActorContext&) {
    if (item.value == 13) throw std::runtime_error("thirteen");
    items_->push_back(item.value);
  }
  Task<void> handle(SlowItem item, ActorContext&) {
    (void)co_await coerce::sleep_for(1s);
    items_->push_back(item.value);
  }

 private:
  Ints* items_;
};

std::optional<Item> even(int value) {
  return value % 2 == 0 ? std::optional(Item{value}) : std::nullopt;
}
Item any(int value) { return Item{value}; }
SlowItem slow(int value) { return SlowItem{value}; }

/// A number a second, up to `last`.
class Counter {
 public:
  explicit Counter(int last, int* drawn = nullptr) : last_(last), drawn_(drawn) {}
  Task<std::optional<int>> next() {
    if (next_ > last_) co_return std::nullopt;
    (void)co_await coerce::sleep_for(1s);
    if (drawn_ != nullptr) ++*drawn_;
    co_return next_++;
  }

 private:
  int next_ = 1;
  int last_;
  int* drawn_;
};

/// 1, an error, 3, and the end.
class Faulty {
 public:
  Task<Result<std::optional<int>>> next() {
    switch (++next_) {
      case 2:
        co_return coerce::unexpected(ActorRefErr::Deserialisation("bad item"));
      case 4:
        co_return std::optional<int>();
      default:
        co_return std::optional<int>(next_);
    }
  }

 private:
  int next_ = 0;
};

class Throwing {
 public:
  Task<std::optional<int>> next() {
    if (++next_ == 2) throw std::runtime_error("torn");
    co_return next_;
  }

 private:
  int next_ = 0;
};

struct Bench {
  explicit Bench(coerce::MailboxOptions mailbox = {})
      : system(ActorSystem::builder()
                   .worker_threads(0)
                   .clock(clock)
                   .mailbox(mailbox)
                   .top_level_strategy(coerce::SupervisorStrategy::resume())
                   .build()) {
    const auto make = [this] { return Sink(items); };
    sink = value_of(system.block_on(system.new_actor("sink", make)));
  }
  ~Bench() {  // time does not pass by itself, so streams would outlast the shutdown
    (void)sink->notify_stop();
    while (system.scheduler().spawned_count() != 0) pass(1);
  }

  void pass(int seconds) {
    system.poll();
    for (int i = 0; i < seconds; ++i) {
      clock.advance(1s);
      system.poll();
    }
  }

  coerce::ManualClock clock;
  Ints items;
  ActorSystem system;
  std::optional<LocalActorRef<Sink>> sink;
};

}  // namespace

TEST_CASE("items of a range arrive in order, and those that become none are skipped",
          "[stream][B-110]") {
  Bench bench;
  attach_stream(*bench.sink, Ints{1, 2, 3, 4, 5, 6}, {}, even);
  bench.system.poll();
  CHECK(bench.items == Ints{2, 4, 6});
}

TEST_CASE("the end of a stream stops the actor, when the last item has been handled",
          "[stream][B-110]") {
  for (const std::size_t window : {std::size_t{1}, std::size_t{2}, std::size_t{8}}) {
    Bench bench;
    attach_stream(*bench.sink, Ints{1, 2, 3}, {.window = window}, slow);
    bench.pass(2);
    CHECK(bench.sink->is_valid());
    bench.pass(1);
    CHECK(bench.items == Ints{1, 2, 3});
    CHECK_FALSE(bench.sink->is_valid());
  }
}

TEST_CASE("the end of a stream leaves the actor alone if so asked", "[stream]") {
  Bench bench;
  attach_stream(*bench.sink, Ints{1}, {.stop_on_stream_end = false}, any);
  bench.system.poll();
  CHECK(bench.items == Ints{1});
  CHECK(bench.sink->is_valid());
  CHECK(bench.system.scheduler().spawned_count() == 0);
}

TEST_CASE("items of an async source arrive as they come", "[stream][B-110]") {
  Bench bench;
  attach_stream(*bench.sink, Counter(3), {.stop_on_stream_end = true}, any);
  bench.pass(2);
  CHECK(bench.items == Ints{1, 2});
  CHECK(bench.sink->is_valid());
  bench.pass(1);
  CHECK(bench.items == Ints{1, 2, 3});
  CHECK_FALSE(bench.sink->is_valid());
}

TEST_CASE("a slow actor slows its stream", "[stream][W-33]") {
  Bench bench;
  int drawn = 0;
  const auto count = [&drawn](int value) { return ++drawn, SlowItem{value}; };
  attach_stream(*bench.sink, Ints(100, 1), {}, count);
  bench.pass(3);
  CHECK(bench.items.size() == 3);
  CHECK(drawn == 4);
}

TEST_CASE("no more than a window is on its way", "[stream][W-33]") {
  Bench bench;
  int drawn = 0;
  const auto count = [&drawn](int value) { return ++drawn, SlowItem{value}; };
  attach_stream(*bench.sink, Ints(100, 1), {.window = 5}, count);
  bench.system.poll();
  CHECK(drawn == 5);
  bench.pass(4);
  CHECK(drawn == 5);
  bench.pass(1);
  CHECK(drawn == 10);
}

TEST_CASE("a window out of bounds is refused by name", "[stream]") {
  Bench bench;
  CHECK_THROWS_WITH(attach_stream(*bench.sink, Ints{1}, {.window = 0}, any),
                    Catch::Contains("window"));
  CHECK_THROWS_AS(attach_stream(*bench.sink, Ints{1}, {.window = 4097}, any),
                  std::invalid_argument);
}

TEST_CASE("an item that is an error is published and ends the stream", "[stream][W-33]") {
  Bench bench;
  std::optional<coerce::HandlerFailure> failure;
  const auto subscription = bench.system.events().subscribe<coerce::HandlerFailure>(
      [&](const coerce::HandlerFailure& published) { failure = published; });
  attach_stream(*bench.sink, Faulty(), {}, any);
  bench.system.poll();
  CHECK(bench.items == Ints{1});
  REQUIRE(failure.has_value());
  CHECK(failure->message_type == "stream");
  CHECK_THAT(failure->text, Catch::Contains("bad item"));
  CHECK_FALSE(bench.sink->is_valid());
}

TEST_CASE("an item that is an error is published and skipped if so asked", "[stream][W-33]") {
  Bench bench;
  attach_stream(*bench.sink, Faulty(), {.skip_errors = true}, any);
  bench.system.poll();
  CHECK(bench.items == Ints{1, 3});
  CHECK(bench.system.failure_count() == 1);
}

TEST_CASE("an item whose conversion throws is an error of the stream", "[stream]") {
  Bench bench;
  const auto picky = [](int value) {
    if (value == 2) throw std::runtime_error("two");
    return Item{value};
  };
  attach_stream(*bench.sink, Ints{1, 2, 3}, {.skip_errors = true}, picky);
  bench.system.poll();
  CHECK(bench.items == Ints{1, 3});
  CHECK(bench.system.failure_count() == 1);
}

TEST_CASE("an exception of the source ends the stream, whatever was asked", "[stream]") {
  Bench bench;
  attach_stream(*bench.sink, Throwing(), {.skip_errors = true}, any);
  bench.system.poll();
  CHECK(bench.items == Ints{1});
  CHECK(bench.system.failure_count() == 1);
  CHECK_FALSE(bench.sink->is_valid());
}

TEST_CASE("a stream goes on when the handling of an item fails and the actor does not",
          "[stream]") {
  Bench bench;
  attach_stream(*bench.sink, Ints{12, 13, 14}, {}, any);
  bench.system.poll();
  CHECK(bench.items == Ints{12, 14});
}

TEST_CASE("a stream ends at its next item when its actor has ended", "[stream]") {
  Bench bench;
  int drawn = 0;
  attach_stream(*bench.sink, Counter(100, &drawn), {}, any);
  bench.pass(2);
  join(bench.system, *bench.sink);
  bench.pass(3);
  CHECK(bench.items == Ints{1, 2});
  CHECK(drawn == 3);
  CHECK(bench.system.scheduler().spawned_count() == 0);
}

TEST_CASE("a stream does not keep an anonymous actor from ending between items", "[stream]") {
  Bench bench;
  Ints items;
  {
    const auto sink = start<Sink>(bench.system, items);
    attach_stream(sink, Counter(100), {}, any);
    bench.pass(1);
  }
  bench.pass(1);
  CHECK(items == Ints{1});
  CHECK(bench.system.live_actor_count() == 1);
}

TEST_CASE("an item that a full mailbox refuses is a dead letter", "[stream]") {
  Bench bench({.capacity = 2});
  attach_stream(*bench.sink, Ints{1, 2, 3, 4}, {.window = 4}, slow);
  bench.pass(4);
  CHECK(bench.items.size() + bench.system.dead_letter_count() == 4);
  CHECK(bench.system.dead_letter_count() > 0);
}

TEST_CASE("items that are messages need no conversion", "[stream]") {
  Bench bench;
  attach_stream(*bench.sink, std::vector<Item>{{1}, {2}});
  bench.system.poll();
  CHECK(bench.items == Ints{1, 2});
}

TEST_CASE("a shutdown ends a stream that waits for its source", "[stream]") {
  Ints items;
  auto system = make_system();
  attach_stream(start<Sink>(system, items), Counter(1000), {}, any);
  CHECK(system.shutdown_blocking().complete);
  CHECK(system.scheduler().spawned_count() == 0);
}
