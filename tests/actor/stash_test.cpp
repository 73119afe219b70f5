#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace coerce::test;
using coerce::ActorContext;
using coerce::ActorRefErr;
using coerce::MailboxOptions;
using coerce::Task;
using Kind = ActorRefErr::Kind;

namespace {

struct Open {};
struct Note {
  explicit Note(std::string t) : text(std::move(t)) {}
  std::string text;
};
struct Ask {
  using Result = int;
  int value = 0;
};
struct AskLater {  // its handler suspends before it puts the question aside
  using Result = int;
  int value = 0;
};
struct Count {
  using Result = std::size_t;
};
struct StashWrong {
  using Result = std::optional<Kind>;
};
struct StopNow {};
struct Fail {};

using Lines = std::vector<std::string>;

/// Closed at first: puts everything aside until it is opened.
class Door : public coerce::Actor {
 public:
  explicit Door(Log& log) : log_(&log) {}

  void handle(Open, ActorContext& ctx) {
    open_ = true;
    ctx.unstash_all();
    log_->add("open");
  }
  void handle(Note note, ActorContext& ctx) {
    if (open_) return log_->add(note.text);
    const std::string text = note.text;
    auto stashed = ctx.stash(std::move(note));
    if (!stashed) log_->add(fmt::format("{}: {}", text, stashed.error()));
  }
  int handle(Ask question, ActorContext& ctx) {
    if (open_) return question.value;
    (void)ctx.stash(question);
    return -1;
  }
  Task<int> handle(AskLater question, ActorContext& ctx) {
    if (open_) co_return question.value;
    co_await coerce::yield();
    (void)ctx.stash(question);
    co_return -1;
  }
  std::size_t handle(Count, ActorContext& ctx) { return ctx.stashed_count(); }
  std::optional<Kind> handle(StashWrong, ActorContext& ctx) { return kind_of(ctx.stash(Open{})); }
  void handle(StopNow, ActorContext& ctx) { ctx.stop(); }
  void handle(Fail, ActorContext&) { throw std::runtime_error("fails"); }
  void post_restart(ActorContext&) {
    open_ = true;
    log_->add("restarted");
  }

 private:
  Log* log_;
  bool open_ = false;
};

class SmallDoor : public Door {
 public:
  static constexpr MailboxOptions mailbox{.stash = 2};
  using Door::Door;
};

class BoundedDoor : public Door {
 public:
  static constexpr MailboxOptions mailbox{.capacity = 3};
  using Door::Door;
};

class DroppingDoor : public Door {
 public:
  static constexpr MailboxOptions mailbox{.capacity = 8, .overflow = coerce::Overflow::DropOldest};
  using Door::Door;
};

coerce::ActorSystem driven() { return coerce::ActorSystem::builder().worker_threads(0).build(); }

}  // namespace

TEST_CASE("what is put aside is handled in its order, before what waits", "[stash]") {
  Log log;
  auto system = driven();
  auto door = start<Door>(system, log);
  (void)door.notify(Note("a"));
  (void)door.notify(Note("b"));
  (void)door.notify(Open{});
  (void)door.notify(Note("c"));
  system.poll();
  CHECK(log.lines() == Lines{"open", "a", "b", "c"});
}

TEST_CASE("a stash is handled at once if nothing else waits", "[stash]") {
  Log log;
  auto system = driven();
  auto door = start<Door>(system, log);
  (void)door.notify(Note("a"));
  system.poll();
  CHECK(value_of(system.block_on(door.send(Count{}))) == 1);
  (void)door.notify(Open{});
  system.poll();
  CHECK(log.lines() == Lines{"open", "a"});
  CHECK(value_of(system.block_on(door.send(Count{}))) == 0);
}

TEST_CASE("the sender of a question that was put aside gets the answer of the second time",
          "[stash]") {
  Log log;
  auto system = driven();
  auto door = start<Door>(system, log);
  SECTION("plain") {
    CHECK(value_of(await_and(system, door.send(Ask{7}), [&] { (void)door.notify(Open{}); })) == 7);
  }
  SECTION("put aside by a coroutine") {
    CHECK(value_of(await_and(system, door.send(AskLater{8}), [&] { (void)door.notify(Open{}); })) ==
          8);
  }
  SECTION("with a limit") {
    CHECK(value_of(await_and(system, door.send(Ask{9}, patience),
                             [&] { (void)door.notify(Open{}); })) == 9);
  }
}

TEST_CASE("a stop rejects what is put aside: senders get an error, the rest are dead letters",
          "[stash]") {
  Log log;
  auto system = driven();
  auto door = start<Door>(system, log);
  (void)door.notify(Note("a"));
  const auto answer = await_and(system, door.send(Ask{7}), [&] { (void)door.notify(StopNow{}); });
  CHECK(error_of(answer).kind() == Kind::ResultChannelClosed);
  CHECK(system.dead_letter_count() == 1);
}

TEST_CASE("a restart brings back what was put aside", "[stash]") {
  Log log;
  auto system = coerce::ActorSystem::builder()
                    .worker_threads(0)
                    .top_level_strategy(coerce::SupervisorStrategy::restart())
                    .build();
  const auto make = [&log] { return Door(log); };
  auto door = value_of(system.block_on(system.new_actor(coerce::ActorId("door"), make)));
  (void)door.notify(Note("a"));
  (void)door.notify(Fail{});
  (void)door.notify(Note("b"));
  system.poll();
  CHECK(log.lines() == Lines{"restarted", "a", "b"});
}

TEST_CASE("only the message that is being handled can be put aside", "[stash]") {
  Log log;
  auto system = driven();
  auto door = start<Door>(system, log);
  CHECK(value_of(system.block_on(door.send(StashWrong{}))) == Kind::NotSupported);
}

TEST_CASE("a stash holds no more than its limit", "[stash]") {
  Log log;
  auto system = driven();
  auto door = start<SmallDoor>(system, log);
  for (const char* text : {"a", "b", "c"}) (void)door.notify(Note(text));
  (void)door.notify(Open{});
  system.poll();
  CHECK(log.lines() == Lines{"c: Overloaded: the stash is full", "open", "a", "b"});
}

TEST_CASE("what comes back from the stash counts in a bounded mailbox and is never refused",
          "[stash]") {
  Log log;
  auto system = driven();
  auto door = start<BoundedDoor>(system, log);
  for (const char* text : {"a", "b", "c"}) REQUIRE(door.notify(Note(text)));
  system.poll();
  for (const char* text : {"d", "e"}) REQUIRE(door.notify(Note(text)));
  REQUIRE(door.notify(Open{}));
  system.poll();
  CHECK(log.lines() == Lines{"open", "a", "b", "c", "d", "e"});
  for (const char* text : {"f", "g", "h"}) REQUIRE(door.notify(Note(text)));
  CHECK(kind_of(door.notify(Note("one too many"))) == Kind::MailboxFull);
}

TEST_CASE("an actor whose mailbox drops the oldest can put messages aside", "[stash]") {
  Log log;
  auto system = driven();
  auto door = start<DroppingDoor>(system, log);
  for (const char* text : {"a", "b"}) (void)door.notify(Note(text));
  (void)door.notify(Open{});
  (void)door.notify(Note("c"));
  system.poll();
  CHECK(log.lines() == Lines{"open", "a", "b", "c"});
}

// ── Messages of the library, and stops at bad moments ───────────────────────────────────────────

namespace {

struct PutAsideAndWait {
  using Result = int;
};

/// Puts its question aside, brings it back while it still handles it, and waits.
class Hesitant : public coerce::Actor {
 public:
  Task<int> handle(PutAsideAndWait question, ActorContext& ctx) {
    (void)ctx.stash(question);
    (void)co_await coerce::yield();
    ctx.unstash_all();
    (void)co_await coerce::sleep_for(std::chrono::seconds(1));
    co_return -1;
  }
};

struct Watch {
  explicit Watch(coerce::LocalActorRef<TestActor> a) : actor(std::move(a)) {}
  coerce::LocalActorRef<TestActor> actor;
};

/// Puts aside what the library tells it, until it is opened.
class Mourner : public coerce::Actor {
 public:
  explicit Mourner(Log& log) : log_(&log) {}
  void handle(Watch watch, ActorContext& ctx) {
    (void)ctx.watch(watch.actor);
    (void)ctx.set_receive_timeout(std::chrono::milliseconds(10));
  }
  void handle(Open, ActorContext& ctx) {
    open_ = true;
    ctx.cancel_receive_timeout();
    ctx.unstash_all();
  }
  void handle(coerce::ActorTerminated ended, ActorContext& ctx) {
    if (open_) return log_->add("terminated");
    (void)ctx.stash(std::move(ended));
  }
  void handle(coerce::ReceiveTimeout silence, ActorContext& ctx) {
    if (open_) return log_->add("silence");
    (void)ctx.stash(silence);
  }

 private:
  Log* log_;
  bool open_ = false;
};

}  // namespace

TEST_CASE("a stop finds a question that was brought back by the handler that put it aside",
          "[stash]") {
  coerce::ManualClock clock;
  auto system = coerce::ActorSystem::builder().worker_threads(0).clock(clock).build();
  auto hesitant = start<Hesitant>(system);
  Event<coerce::Result<int>> in_time, in_frame;
  hesitant.deliver(PutAsideAndWait{}, sender_into(in_time));
  const auto ask = [](coerce::LocalActorRef<Hesitant> to,
                      Event<coerce::Result<int>>& answer) -> Task<void> {
    auto given = co_await to.send(PutAsideAndWait{});
    answer.set(given);
  };
  SECTION("delivered") {}
  SECTION("awaited") { system.spawn(ask(start<Hesitant>(system), in_frame)); }
  system.poll();
  (void)hesitant.notify_stop();
  system.poll();
  clock.advance(std::chrono::seconds(2));
  system.poll();
  CHECK(error_of(in_time.wait()).kind() == Kind::ResultChannelClosed);
}

TEST_CASE("what the library tells an actor can be put aside like any message", "[stash]") {
  Log log;
  coerce::ManualClock clock;
  auto system = coerce::ActorSystem::builder().worker_threads(0).clock(clock).build();
  auto mourner = start<Mourner>(system, log);
  auto watched = start<TestActor>(system);
  (void)mourner.notify(Watch(watched));
  system.poll();
  value_of(system.block_on(watched.stop()));
  for (int i = 0; i < 25; ++i) {
    clock.advance(std::chrono::milliseconds(1));
    system.poll();
  }
  (void)mourner.notify(Open{});
  system.poll();
  const Lines lines = log.lines();
  REQUIRE(lines.size() >= 2);
  CHECK(lines[0] == "terminated");
  CHECK(lines[1] == "silence");
}
