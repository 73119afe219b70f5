/// \file
/// Actors and small tools that the tests of module testkit share.

#pragma once

#include <coerce/actor.hpp>
#include <coerce/runtime/detail/async_event.hpp>

#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace coerce::test {

template <class F>
Task<void> sleep_then(Duration duration, F then) {
  (void)co_await sleep_for(duration);
  then();
}

template <class F>
Task<void> sleep_each(std::vector<Duration> durations, F then) {
  for (const Duration duration : durations) {
    (void)co_await sleep_for(duration);
    then();
  }
}

struct WaitForEver {
  static constexpr std::string_view type_name = "WaitForEver";
};

/// Waits for an event that never comes, until it is stopped.
class Waiter : public Actor {
 public:
  static constexpr std::string_view type_name = "Waiter";
  Task<void> handle(WaitForEver, ActorContext&) { (void)co_await never_->wait(); }

 private:
  std::unique_ptr<detail::AsyncEvent> never_ = std::make_unique<detail::AsyncEvent>();
};

/// Lets one coroutine wait until it is opened, whatever else asks it to stop.
class Latch : detail::TimerNode {
 public:
  class Awaiter : detail::WakeNode {
   public:
    explicit Awaiter(Latch& latch) noexcept : latch_(&latch) {}
    bool await_ready() const noexcept { return false; }
    template <detail::UnitPromise P>
    void await_suspend(std::coroutine_handle<P> caller) noexcept {
      unit = caller.promise().unit;
      handle = caller;
      latch_->waiter_ = this;
    }
    void await_resume() const noexcept {}

   private:
    friend class Latch;
    Latch* latch_;
  };

  Latch() noexcept
      : TimerNode([](TimerNode& node) noexcept { static_cast<Latch&>(node).open(); }) {}

  Awaiter wait() noexcept { return Awaiter(*this); }
  void open() noexcept {
    if (Awaiter* waiter = std::exchange(waiter_, nullptr)) waiter->wake();
  }
  /// Also where the system asks everything to stop before.
  void open_at(const ActorSystem& system, Duration delay) noexcept {
    detail::arm_timer(system.scheduler().core(), *this, detail::later(system.clock().now(), delay));
  }

 private:
  Awaiter* waiter_ = nullptr;
};

/// Waits, and does not mind being asked to stop.
class StubbornWaiter : public Actor {
 public:
  explicit StubbornWaiter(Latch& latch) : latch_(&latch) {}
  Task<void> handle(WaitForEver, ActorContext&) { co_await latch_->wait(); }

 private:
  Latch* latch_;
};

struct Run {
  static constexpr std::string_view type_name = "Run";
};

/// Always has one more message.
class Runner : public Actor {
 public:
  void handle(Run, ActorContext& ctx) { (void)ctx.actor_ref<Runner>().notify(Run{}); }
};

struct Throw {
  static constexpr std::string_view type_name = "Throw";
  explicit Throw(std::string what) : text(std::move(what)) {}
  std::string text;
};

class Thrower : public Actor {
 public:
  void handle(const Throw& message, ActorContext&) { throw std::runtime_error(message.text); }
};

class Unstartable : public Actor {
 public:
  void started(ActorContext&) { throw std::runtime_error("does not start"); }
};

/// COERCE_SEED while it lives.
class EnvironmentSeed {
 public:
  explicit EnvironmentSeed(const char* seed) {
    if (const char* before = std::getenv("COERCE_SEED")) before_ = before;
    (void)::setenv("COERCE_SEED", seed, 1);
  }
  EnvironmentSeed(const EnvironmentSeed&) = delete;
  EnvironmentSeed& operator=(const EnvironmentSeed&) = delete;
  ~EnvironmentSeed() {
    if (before_.empty())
      (void)::unsetenv("COERCE_SEED");
    else
      (void)::setenv("COERCE_SEED", before_.c_str(), 1);
  }

 private:
  std::string before_;
};

}  // namespace coerce::test
