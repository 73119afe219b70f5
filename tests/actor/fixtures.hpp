/// \file
/// Actors, messages and small tools that the tests of module actor share.
///
/// An actor of a test reports through a Gate, or through an Event or a Log that the test owns.
/// Those two are declared before the system, so they outlive every actor of it.

#pragma once

#include <coerce/actor.hpp>

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace coerce::test {

/// How long a test waits for an event that must come: long enough for a loaded machine under a
/// sanitizer, short enough to fail a test rather than to hang it.
inline constexpr std::chrono::seconds patience{20};

// ── The shared actors and their messages ────────────────────────────────────────────────────────

enum class TestActorStatus { Inactive, Active };

using GetStatusResponse = std::optional<TestActorStatus>;  ///< none while no status was set

struct GetStatusRequest {
  using Result = GetStatusResponse;
};

enum class SetStatusResponse { Ok, Unsuccessful };

struct SetStatusRequest {
  using Result = SetStatusResponse;
  TestActorStatus status;
};

struct GetCounterRequest {
  using Result = int;
};

class TestActor : public Actor {
 public:
  static constexpr std::string_view type_name = "TestActor";

  GetStatusResponse handle(GetStatusRequest, ActorContext&) { return status; }

  SetStatusResponse handle(SetStatusRequest request, ActorContext&) {
    status = request.status;
    return SetStatusResponse::Ok;
  }

  int handle(GetCounterRequest, ActorContext&) { return 42; }  // whatever the counter says

  std::optional<TestActorStatus> status;
  int counter = 0;
};

class EchoActor : public Actor {
 public:
  static constexpr std::string_view type_name = "EchoActor";

  int handle(GetCounterRequest, ActorContext&) { return 42; }
};

// ── Events between a test and its actors ────────────────────────────────────────────────────────

/// Closed until somebody opens it, once and for ever. A handle: copies are the same gate, so a
/// handler that a shutdown has given up on may wait at it for longer than the test lasts.
/// Thread-safe.
class Gate {
 public:
  void open() const {
    const std::lock_guard lock(state_->mutex);
    state_->open = true;
    state_->opened.notify_all();
  }

  /// Waits for the gate to open, at most `patience`. Returns whether it is open.
  bool wait() const {
    std::unique_lock lock(state_->mutex);
    return state_->opened.wait_for(lock, patience, [this] { return state_->open; });
  }

  bool is_open() const {
    const std::lock_guard lock(state_->mutex);
    return state_->open;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable opened;
    bool open = false;
  };

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// Opens a gate when the scope ends. Declared after the system, it lets waiting handlers go before
/// the system shuts down, also where a REQUIRE ends the test early.
class OpenAtEnd {
 public:
  explicit OpenAtEnd(Gate gate) : gate_(std::move(gate)) {}
  OpenAtEnd(const OpenAtEnd&) = delete;
  OpenAtEnd& operator=(const OpenAtEnd&) = delete;
  ~OpenAtEnd() { gate_.open(); }

 private:
  Gate gate_;
};

/// A value that somebody sets once; later ones are ignored. Thread-safe.
template <class T>
class Event {
 public:
  void set(T value) {
    const std::lock_guard lock(mutex_);
    if (value_) return;
    value_.emplace(std::move(value));
    happened_.notify_all();
  }

  /// The value, as soon as it is there; the test fails if that takes longer than `patience`.
  T wait() {
    std::unique_lock lock(mutex_);
    REQUIRE(happened_.wait_for(lock, patience, [this] { return value_.has_value(); }));
    return *value_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable happened_;
  std::optional<T> value_;
};

/// What happened, in order. Thread-safe.
class Log {
 public:
  void add(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }

  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

// ── Actors that the test holds up, or that tell it something ────────────────────────────────────

/// Suspends its handler until the test releases it.
struct Hold {
  static constexpr std::string_view type_name = "Hold";
};

/// Blocks the worker under its handler until the test releases it.
struct Block {
  static constexpr std::string_view type_name = "Block";
};

/// Suspends until the test releases it, then asks for the end of the actor.
struct HoldThenStop {};

/// Suspends until the test releases it, then throws std::runtime_error("released into failure").
struct HoldThenThrow {};

/// Opens `entered` when one of the holding handlers begins and waits for `release` inside of it.
/// What is sent meanwhile stays in its mailbox.
class HeldActor : public Actor {
 public:
  static constexpr std::string_view type_name = "HeldActor";

  HeldActor(Gate entered, Gate release)
      : entered_(std::move(entered)), release_(std::move(release)) {}

  Task<void> handle(Hold, ActorContext&) { co_await hold(); }

  void handle(Block, ActorContext&) {
    entered_.open();
    release_.wait();
  }

  Task<void> handle(HoldThenStop, ActorContext& ctx) {
    co_await hold();
    ctx.stop();
  }

  Task<void> handle(HoldThenThrow, ActorContext&) {
    co_await hold();
    throw std::runtime_error("released into failure");
  }

  int handle(GetCounterRequest, ActorContext&) { return ++handled_; }

 private:
  Task<void> hold() {
    entered_.open();
    const auto wait = [release = release_] { return release.wait(); };
    (void)co_await blocking(wait);
  }

  Gate entered_;
  Gate release_;
  int handled_ = 0;
};

/// Passes its one message on to the test.
class Forwarder : public Actor {
 public:
  explicit Forwarder(Event<SetStatusRequest>& received) : received_(&received) {}

  SetStatusResponse handle(SetStatusRequest request, ActorContext&) {
    received_->set(request);
    return SetStatusResponse::Ok;
  }

 private:
  Event<SetStatusRequest>* received_;
};

/// Tells when it has stopped.
class StopTeller : public Actor {
 public:
  explicit StopTeller(Gate stopped) : stopped_(std::move(stopped)) {}

  int handle(GetCounterRequest, ActorContext&) { return 42; }

  Task<void> stopped(ActorContext&) {
    (void)co_await yield();  // a hook that takes its time is awaited too
    stopped_.open();
  }

 private:
  Gate stopped_;
};

// ── Short forms ─────────────────────────────────────────────────────────────────────────────────

/// A system of its own for one test.
inline ActorSystem make_system() { return ActorSystem::builder().worker_threads(2).build(); }

/// The value of a result that must not be an error; the error's text fails the test.
template <class T, class E>
T value_of(Result<T, E> result) {
  if (!result) FAIL("unexpected error: " << fmt::format("{}", result.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// The error of a result that must not be a value.
template <class T, class E>
E error_of(Result<T, E> result) {
  REQUIRE_FALSE(result.has_value());
  return std::move(result.error());
}

/// The kind of a result's error, or nothing if it is a value: what an actor can report to a test.
template <class T>
std::optional<ActorRefErr::Kind> kind_of(const Result<T>& result) {
  if (result) return std::nullopt;
  return result.error().kind();
}

/// Starts an anonymous actor, built in place.
template <class A, class... Args>
LocalActorRef<A> start(ActorSystem& system, Args&&... args) {
  return value_of(
      system.block_on(into_actor<A>(std::nullopt, system, std::forward<Args>(args)...)));
}

/// Starts a tracked actor, built in place.
template <class A, class... Args>
LocalActorRef<A> start_tracked(ActorSystem& system, std::string_view id, Args&&... args) {
  return value_of(system.block_on(
      into_actor<A>(ActorId(std::string(id)), system, std::forward<Args>(args)...)));
}

/// Returns when an actor that is about to end by itself has ended.
template <class A>
void join(ActorSystem& system, const LocalActorRef<A>& actor) {
  (void)system.block_on(actor.stop());
}

/// Runs `then` as a Task that ends at once.
template <class F>
Task<bool> call(F then) {
  then();
  co_return true;
}

/// Awaits `awaitable` and, once that is under way, calls `then`.
/// Relies on when_all starting its arguments in order.
template <class Awaitable, class F>
auto await_and(ActorSystem& system, Awaitable&& awaitable, F then) {
  return std::get<0>(
      system.block_on(when_all(std::forward<Awaitable>(awaitable), call(std::move(then)))));
}

/// A sender that sets `answer` to the one result that it gets.
template <class R>
ResultSender<R> sender_into(Event<Result<R>>& answer) {
  return ResultSender<R>([&answer](Result<R> result) { answer.set(std::move(result)); });
}

}  // namespace coerce::test
