#include <coerce/actor/scheduled_notify.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace coerce::test;
using namespace std::chrono_literals;
using coerce::ActorContext;
using coerce::ActorSystem;
using coerce::LocalActorRef;
using coerce::ScheduledNotify;
using Lines = std::vector<std::string>;

namespace {

class Word {
 public:
  explicit Word(std::string text, std::shared_ptr<int> life = {})
      : text_(std::move(text)), life_(std::move(life)) {}
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::shared_ptr<int> life_;
};

class Listener : public coerce::Actor {
 public:
  explicit Listener(Lines& heard) : heard_(&heard) {}
  void handle(const Word& word, ActorContext&) { heard_->push_back(word.text()); }
  coerce::Task<void> handle(Hold, ActorContext&) { (void)co_await coerce::sleep_for(10s); }

 private:
  Lines* heard_;
};

struct Bench {
  explicit Bench(coerce::MailboxOptions mailbox = {})
      : system(ActorSystem::builder().worker_threads(0).clock(clock).mailbox(mailbox).build()),
        actor(start<Listener>(system, heard)) {}

  void pass(coerce::Duration time) {
    clock.advance(time);
    system.poll();
  }

  coerce::ManualClock clock;
  Lines heard;
  ActorSystem system;
  std::optional<LocalActorRef<Listener>> actor;
};

}  // namespace

TEST_CASE("a scheduled notify is delivered once, after its delay", "[scheduled_notify][B-106]") {
  Bench bench;
  auto scheduled = bench.actor->scheduled_notify(Word("late"), 2s);
  bench.pass(1999ms);
  CHECK(bench.heard.empty());
  bench.pass(1ms);
  CHECK(bench.heard == Lines{"late"});
  bench.pass(10s);
  CHECK(bench.heard == Lines{"late"});
  CHECK_FALSE(scheduled.cancel());
}

TEST_CASE("a cancelled notify is never delivered, and is no dead letter",
          "[scheduled_notify][B-106]") {
  Bench bench;
  const auto life = std::make_shared<int>();
  auto scheduled = bench.actor->scheduled_notify<Word>(2s, "late", life);
  CHECK(life.use_count() == 2);
  CHECK(scheduled.cancel());
  CHECK(life.use_count() == 1);
  CHECK_FALSE(scheduled.cancel());
  bench.pass(10s);
  CHECK(bench.heard.empty());
  CHECK(bench.system.dead_letter_count() == 0);
  CHECK(bench.system.scheduler().timer_count() == 0);
}

TEST_CASE("dropping the handle does not cancel", "[scheduled_notify][B-106]") {
  Bench bench;
  (void)bench.actor->scheduled_notify(Word("late"), 2s);
  bench.pass(2s);
  CHECK(bench.heard == Lines{"late"});
}

TEST_CASE("notifies that are due together come in the order in which they were scheduled",
          "[scheduled_notify]") {
  Bench bench;
  Lines expected;
  for (int i = 0; i < 200; ++i) {
    expected.push_back(std::to_string(i));
    (void)bench.actor->scheduled_notify(Word(expected.back()), 1s);
  }
  bench.pass(5s);
  CHECK(bench.heard == expected);
}

TEST_CASE("without a delay the notify is in the mailbox at once", "[scheduled_notify]") {
  Bench bench;
  auto scheduled = bench.actor->scheduled_notify(Word("now"), 0s);
  CHECK_FALSE(scheduled.cancel());
  bench.system.poll();
  CHECK(bench.heard == Lines{"now"});
}

TEST_CASE("a pending notify keeps an anonymous actor alive until it is handled",
          "[scheduled_notify]") {
  Bench bench;
  (void)bench.actor->scheduled_notify(Word("late"), 2s);
  bench.actor.reset();
  bench.pass(1s);
  CHECK(bench.system.live_actor_count() == 1);
  bench.pass(1s);
  CHECK(bench.heard == Lines{"late"});
  CHECK(bench.system.live_actor_count() == 0);
}

TEST_CASE("a cancelled notify lets an anonymous actor end", "[scheduled_notify]") {
  Bench bench;
  auto scheduled = bench.actor->scheduled_notify(Word("late"), 2s);
  bench.actor.reset();
  CHECK(scheduled.cancel());
  bench.system.poll();
  CHECK(bench.system.live_actor_count() == 0);
}

TEST_CASE("a notify for an actor that has ended when it is due is a dead letter",
          "[scheduled_notify][events]") {
  Bench bench;
  std::optional<coerce::DeadLetter> letter;
  auto subscription = bench.system.events().subscribe<coerce::DeadLetter>(
      [&](const coerce::DeadLetter& published) { letter = published; });
  (void)bench.actor->scheduled_notify(Word("late"), 2s);
  join(bench.system, *bench.actor);
  CHECK(bench.system.dead_letter_count() == 0);
  bench.pass(2s);
  CHECK(bench.system.dead_letter_count() == 1);
  REQUIRE(letter.has_value());
  CHECK(letter->message_type == coerce::type_name_of<Word>());
}

TEST_CASE("a notify for a mailbox that is full when it is due is a dead letter",
          "[scheduled_notify]") {
  Bench bench({.capacity = 1});
  (void)bench.actor->scheduled_notify(Word("late"), 2s);
  bench.actor->notify(Hold{});
  bench.system.poll();
  CHECK(bench.actor->notify(Word("waits")).has_value());
  bench.pass(2s);
  CHECK(bench.system.dead_letter_count() == 1);
}

TEST_CASE("a shutdown makes pending notifies dead letters and frees them", "[scheduled_notify]") {
  Bench bench;
  const auto life = std::make_shared<int>();
  auto scheduled = bench.actor->scheduled_notify<Word>(1h, "never", life);
  CHECK(bench.system.shutdown_blocking().complete);
  CHECK(life.use_count() == 1);
  CHECK(bench.system.dead_letter_count() == 1);
  CHECK_FALSE(scheduled.cancel());
  CHECK_FALSE(bench.actor->scheduled_notify(Word("too late"), 1h).cancel());
  CHECK(bench.system.dead_letter_count() == 2);
}

TEST_CASE("a notify that is due when the system is destroyed is freed", "[scheduled_notify]") {
  const auto life = std::make_shared<int>();
  {
    Bench bench;
    (void)bench.actor->scheduled_notify<Word>(1s, "never", life);
    bench.clock.advance(2s);
  }
  CHECK(life.use_count() == 1);
}

TEST_CASE("a notify is either delivered or cancelled, whoever is faster", "[scheduled_notify]") {
  struct Counter : coerce::Actor {
    void handle(Hold, ActorContext&) { ++count; }
    int count = 0;
  };
  auto system = make_system();
  auto actor = start<Counter>(system);
  int cancelled = 0;
  for (int i = 0; i < 300; ++i) {
    auto scheduled = actor.scheduled_notify(Hold{}, std::chrono::microseconds(i));
    if (i % 3 == 0) std::this_thread::yield();
    cancelled += scheduled.cancel() ? 1 : 0;
  }
  const auto count = [](Counter& counter) { return counter.count; };
  CHECK(value_of(system.block_on(actor.exec(count))) == 300 - cancelled);
}
