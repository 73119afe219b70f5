/// \file
/// Promises about how actors end.

#pragma once

#include <algorithm>
#include <optional>

#include "testkit/scenarios_common.hpp"

namespace coerce::test::scenarios {

// ── Watchers are told exactly once, on every kind of end ────────────────────────────────────────

struct Dawdle {
  static constexpr std::string_view type_name = "Dawdle";
};
struct StopYourself {
  static constexpr std::string_view type_name = "StopYourself";
};
struct DrainYourself {
  static constexpr std::string_view type_name = "DrainYourself";
};

class Watched : public Actor {
 public:
  explicit Watched(bool can_start = true) : can_start_(can_start) {}

  Task<void> started(ActorContext&) {
    if (can_start_) co_return;
    co_await yield();
    throw_failure();
  }
  Task<void> handle(Dawdle, ActorContext&) { (void)co_await sleep_for(2ms); }
  void handle(Fail, ActorContext&) { throw_failure(); }
  void handle(StopYourself, ActorContext& ctx) { ctx.stop(); }
  void handle(DrainYourself, ActorContext& ctx) { ctx.stop_after_drain(); }

 private:
  bool can_start_;
};

struct GetChild {
  using Result = LocalActorRef<Watched>;
};

class Guardian : public Actor {
 public:
  Task<Result<LocalActorRef<Watched>>> handle(GetChild, ActorContext& ctx) {
    co_return co_await ctx.spawn<Watched>("child");
  }
};

enum class End { Stop, Fail, Itself, Drain, Unreferenced, WithParent, InSuspension, AtStart };
inline constexpr int kEnds = 8;

inline void watchers_are_told_exactly_once(TestSystem& test) {
  using Kind = StopReason::Kind;
  const End end{static_cast<int>(test.seed() % kEnds)};
  const bool anonymous = end == End::Unreferenced;
  std::optional<LocalActorRef<Guardian>> guardian;
  std::optional<LocalActorRef<Watched>> watched;
  if (end == End::WithParent) {
    guardian = test.start<Guardian>("guardian");
    watched = test.run(guardian->send(GetChild{})).value();
  } else if (end == End::AtStart) {
    watched = test.run(test.system().new_actor_deferred("watched", Watched(false))).value();
  } else {
    watched = test.start<Watched>(anonymous ? "" : "watched");
  }
  std::vector<testkit::TestProbe<ActorTerminated>> probes;
  for (int i = 0; i < 4; ++i) probes.push_back(test.probe<ActorTerminated>());
  // Some watch before the end, some while it comes, one for certain after it.
  probes[0].watch(*watched);
  if (test.seed() % 2 == 0) test.run_until_idle();
  probes[1].watch(*watched);
  probes[1].watch(*watched);
  (void)watched->notify(Dawdle{});
  Kind expected = Kind::Stopped;
  switch (end) {
    case End::Stop:
      (void)watched->notify_stop();
      break;
    case End::Fail:
      (void)watched->notify(Fail{});
      expected = Kind::Failed;
      break;
    case End::Itself:
      (void)watched->notify(StopYourself{});
      break;
    case End::Drain:
      (void)watched->notify(DrainYourself{});
      break;
    case End::Unreferenced:
      expected = Kind::Unreferenced;
      break;
    case End::WithParent:
      (void)guardian->notify_stop();
      expected = Kind::ParentStopped;
      break;
    case End::InSuspension:
      test.run_until_idle();  // it dawdles
      (void)watched->notify_stop();
      break;
    case End::AtStart:
      expected = Kind::StartFailed;
      break;
  }
  probes[2].watch(*watched);
  if (anonymous) {
    watched.reset();
  } else {
    test.expect_stopped(*watched);
    probes[3].watch(*watched);
  }
  test.advance(1s);
  for (std::size_t i = 0; i < probes.size(); ++i) {
    if (anonymous && i == 3) continue;
    test.check(probes[i].waiting() == 1,
               fmt::format("watcher {} was told once, and not {} times", i, probes[i].waiting()));
    const auto told = probes[i].receive();
    test.check(told.reason().kind() == expected,
               fmt::format("watcher {} was told '{}'", i, to_string(told.reason().kind())));
  }
}

// ── Children stop before their parent ───────────────────────────────────────────────────────────

using StopLog = std::shared_ptr<std::vector<std::string>>;

class Branch : public Actor {
 public:
  Branch(std::string path, int depth, StopLog log)
      : path_(std::move(path)), depth_(depth), log_(std::move(log)) {}

  Task<void> started(ActorContext& ctx) {
    for (int i = 0; depth_ > 0 && i < 2; ++i) {
      const std::string child = fmt::format("{}.{}", path_, i);
      (void)co_await ctx.spawn<Branch>(ActorId(child), child, depth_ - 1, log_);
    }
  }
  Task<void> handle(Dawdle, ActorContext&) { (void)co_await sleep_for(2ms); }
  void handle(Fail, ActorContext&) { throw_failure(); }
  Task<void> stopped(ActorContext& ctx) {
    if (ctx.supervised_count() != 0) log_->push_back("children left: " + path_);
    co_await yield();
    log_->push_back(path_);
    if (depth_ == 1) (void)co_await sleep_for(1ms);
  }

 private:
  std::string path_;
  int depth_;
  StopLog log_;
};

inline void children_stop_before_their_parent(TestSystem& test) {
  const auto log = std::make_shared<std::vector<std::string>>();
  const auto root = test.start<Branch>("root", "root", 2, log);
  (void)root.notify(Dawdle{});
  if (test.seed() % 2 == 0) test.run_until_idle();
  if (test.seed() % 3 == 0)
    test.shutdown();
  else if (test.seed() % 3 == 1)
    (void)root.notify_stop();
  else
    (void)root.notify(Fail{});
  test.expect_stopped(root);
  test.advance(1s);
  test.check(log->size() == 7, fmt::format("{} of 7 hooks ran", log->size()));
  for (std::size_t i = 0; i < log->size(); ++i)
    for (std::size_t j = i + 1; j < log->size(); ++j)
      test.check(!(*log)[j].starts_with((*log)[i]),
                 fmt::format("{} stopped before {}", (*log)[i], (*log)[j]));
  test.check(test.system().live_actor_count() == 0, "nothing is left");
}

// ── An anonymous actor ends after its last reference, and after its messages ────────────────────

class Nameless : public Actor {
 public:
  explicit Nameless(SharedLedger ledger) : ledger_(std::move(ledger)) {}
  Task<void> handle(Item item, ActorContext&) {
    if (item.number % 2 == 1) (void)co_await sleep_for(1ms);
    ledger_->handled.push_back(item);
  }

 private:
  SharedLedger ledger_;
};

inline void anonymous_actors_end_after_their_messages(TestSystem& test) {
  const auto ledger = std::make_shared<Ledger>();
  {
    const auto actor = test.start<Nameless>("", ledger);
    for (int sender = 0; sender < 3; ++sender)
      test.system().spawn(send_items(actor, ledger, sender, 5));
    if (test.seed() % 2 == 0) test.run_until_idle();
    test.check(test.system().live_actor_count() == 1, "it lives while there is a reference");
  }
  test.advance(1s);
  int accepted = 0;
  for (const auto& [sender, count] : ledger->accepted) accepted += count;
  test.check(accepted == 15, "whoever has a reference is not refused");
  check_all_handled_in_order(test, *ledger);
  test.check(test.system().live_actor_count() == 0, "it has ended");
  test.check(test.system().dead_letter_count() == 0, "there are no dead letters");
}

// ── A shutdown in the middle settles everything ─────────────────────────────────────────────────

struct Chat {
  static constexpr std::string_view type_name = "Chat";
  using Result = int;
  int left;
};

/// Asks its peer, and by that itself again, with ever fewer to go; has children that sleep.
class Chatter : public Actor {
 public:
  explicit Chatter(std::optional<LocalActorRef<Chatter>> peer) : peer_(std::move(peer)) {}
  Task<int> handle(Chat chat, ActorContext& ctx) {
    if (chat.left % 3 == 0) {
      auto child = co_await ctx.spawn<Chatter>(ActorId(), std::nullopt);
      if (child) (void)child->notify(Chat{1});
    }
    (void)co_await sleep_for(chat.left * 1ms);
    if (!peer_ || chat.left == 0) co_return 0;
    const auto answer = co_await peer_->send(Chat{chat.left - 1});
    co_return answer.value_or(-1) + 1;
  }

 private:
  std::optional<LocalActorRef<Chatter>> peer_;
};

struct Conversations {
  int begun = 0;
  int ended = 0;
};

inline void shutdown_settles_everything(TestSystem& test) {
  const auto all = std::make_shared<Conversations>();
  const auto third = test.start<Chatter>("third", std::nullopt);
  const auto second = test.start<Chatter>("second", third);
  const auto first = test.start<Chatter>("first", second);
  const auto talk = [](LocalActorRef<Chatter> to, std::shared_ptr<Conversations> each, int left,
                       bool timed) -> Task<void> {
    ++each->begun;
    for (bool goes_on = true; goes_on;) {
      Result<int> answer = 0;
      if (timed)
        answer = co_await to.send(Chat{left}, 3ms);
      else
        answer = co_await to.send(Chat{left});
      const bool slept = co_await sleep_for(1ms);
      goes_on = slept && (answer || answer.error().kind() == ActorRefErr::Kind::Timeout);
    }
    ++each->ended;
  };
  for (int i = 0; i < 4; ++i) test.system().spawn(talk(first, all, i, i % 2 == 0));
  test.system().spawn(talk(second, all, 2, false));
  test.advance(static_cast<Duration::rep>(test.seed() % 20) * 1ms);
  for (std::uint64_t i = 0; i < test.seed() % 7; ++i)
    test.system().spawn(talk(third, all, 1, true));
  test.shutdown();
  test.check(all->begun >= 5 && all->ended == all->begun,
             fmt::format("{} of {} conversations have ended", all->ended, all->begun));
  test.check(test.system().live_actor_count() == 0, "no actor is left");
  test.check(test.system().scheduler().timer_count() == 0, "no timer is left");
  test.check(test.now() < 1s, "nobody had to be waited for until the deadline");
}

}  // namespace coerce::test::scenarios
