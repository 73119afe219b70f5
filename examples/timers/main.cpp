// Three ways in which time passes for an actor: ticks at a fixed rate, ticks that wait for the last
// one to be handled, and a message for when no message came.

#include <coerce/actor.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <future>
#include <stdexcept>
#include <utility>

namespace {

using namespace std::chrono_literals;

// region: fixed-rate
struct Beat {};

/// Beats every 5 ms: the n-th beat is due n × 5 ms after the start, whatever the handler takes.
class Heart : public coerce::Actor {
 public:
  void started(coerce::ActorContext& ctx) {
    timer_ = coerce::Timer::start(ctx.actor_ref<Heart>(), 5ms, Beat{});
  }
  void handle(Beat, coerce::ActorContext& ctx) {
    fmt::print("beat {}\n", ++beats_);
    if (beats_ == 3) ctx.stop();
  }

 private:
  coerce::Timer timer_;  // ticks as long as it lives
  int beats_ = 0;
};
// endregion

// region: after-handled
struct Poll {};

/// Looks for work at once, and again 5 ms after it has done what it found.
class Poller : public coerce::Actor {
 public:
  void started(coerce::ActorContext& ctx) {
    timer_ = coerce::Timer::start_immediately(ctx.actor_ref<Poller>(), 5ms, Poll{},
                                              {.mode = coerce::Timer::Mode::AfterHandled});
  }
  coerce::Task<void> handle(Poll, coerce::ActorContext& ctx) {
    co_await coerce::sleep_for(8ms);  // takes longer than the period: the next poll waits
    fmt::print("poll {}\n", ++polls_);
    if (polls_ == 3) ctx.stop();
  }

 private:
  coerce::Timer timer_;
  int polls_ = 0;
};
// endregion

// region: receive-timeout
struct Guest {};

/// Goes home when nobody has come for 10 ms.
class Doorman : public coerce::Actor {
 public:
  void started(coerce::ActorContext& ctx) {
    const auto set = ctx.set_receive_timeout(10ms);
    if (!set) throw std::runtime_error(set.error().to_string());
    (void)ctx.actor_ref<Doorman>().scheduled_notify(Guest{}, 5ms);
  }
  void handle(Guest, coerce::ActorContext&) { fmt::print("a guest\n"); }
  void handle(coerce::ReceiveTimeout, coerce::ActorContext& ctx) {
    fmt::print("nobody has come for 10 ms\n");
    ctx.stop();
  }
};
// endregion

/// Runs one after the other.
class Day : public coerce::Actor {
 public:
  explicit Day(std::promise<void> end) : end_(std::move(end)) {}

  void started(coerce::ActorContext& ctx) { ctx.spawn_deferred("heart", Heart()).value(); }
  void on_child_stopped(const coerce::ChildStopped& child, coerce::ActorContext& ctx) {
    if (child.id() == "heart")
      ctx.spawn_deferred("poller", Poller()).value();  // an error is thrown: the day fails
    else if (child.id() == "poller")
      ctx.spawn_deferred("doorman", Doorman()).value();
    else
      end_.set_value();
  }

 private:
  std::promise<void> end_;  // broken if the day fails before
};

}  // namespace

int main() {
  auto system = coerce::ActorSystem::builder().system_name("timers").build();
  std::promise<void> promise;
  auto end = promise.get_future();
  auto day = system.block_on(coerce::into_actor<Day>("day", system, std::move(promise)));
  if (!day) {
    fmt::print(stderr, "{}\n", day.error());
    return EXIT_FAILURE;
  }
  end.get();
  return system.shutdown_blocking(5s).complete ? EXIT_SUCCESS : EXIT_FAILURE;
}
