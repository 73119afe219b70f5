#include <coerce/actor.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <asio/post.hpp>
#include <asio/thread_pool.hpp>

#include "suite.hpp"
#include "support.hpp"

namespace suite {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// ---- timers -------------------------------------------------------------------------------------

std::uint64_t fired_timers = 0;

struct CountingTimer : coerce::detail::TimerNode {
  CountingTimer() noexcept : TimerNode(&count) {}
  static void count(TimerNode&) noexcept { ++fired_timers; }
};

/// A million timers with deadlines within a minute on one thread, whose clock the benchmark moves:
/// armed; armed and cancelled in another order; armed and fired.
Sample run_timers(const ActorSystem& system, coerce::ManualClock& clock,
                  std::vector<CountingTimer>& timers) {
  auto& core = system.scheduler().core();
  const auto count = timers.size();
  const auto arm_all = [&] {
    const auto now = clock.now();
    std::uint64_t position = 0;
    const Stopwatch watch;
    for (auto& timer : timers) {
      position = (position + 24'749) % 60'000;
      coerce::detail::arm_timer(core, timer, now + std::chrono::milliseconds(position + 1));
    }
    return ns_per_op(watch.stop(count));
  };

  const double arm = arm_all();
  std::uint64_t cancelled = 0;
  const Stopwatch cancel_watch;
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t k = i; k < count; k += 16)
      cancelled += coerce::detail::cancel_timer(core, timers[k]);
  }
  const double cancel = ns_per_op(cancel_watch.stop(count));

  const double arm_again = arm_all();
  fired_timers = 0;
  const Stopwatch fire_watch;
  for (int i = 0; i < 6'001; ++i) {
    clock.advance(10ms);
    system.poll();
  }
  const double fire = ns_per_op(fire_watch.stop(count));
  if (cancelled != count || fired_timers != count) std::abort();
  return {.ops = count, .numbers = {std::min(arm, arm_again), cancel, fire}};
}

Bench timers() {
  return {.name = "timers",
          .figures = {{.name = "timer_arm", .unit = "ns"},
                      {.name = "timer_cancel", .unit = "ns"},
                      {.name = "timer_fire", .unit = "ns"}},
          .prepare = [](const Settings& settings) -> Run {
            auto clock = std::make_shared<coerce::ManualClock>();
            auto nodes = std::make_shared<std::vector<CountingTimer>>(settings.scaled(1'000'000));
            const auto system = ActorSystem::builder().worker_threads(0).clock(*clock).build();
            return [clock, nodes, system] { return run_timers(system, *clock, *nodes); };
          },
          .most_runs = few_runs};
}

// ---- waking up ----------------------------------------------------------------------------------

/// When something began, and how long it took to arrive.
struct Arrival {
  Clock::time_point began{};
  std::atomic<Clock::rep> took{0};

  void arrive() { took.store((Clock::now() - began).count(), std::memory_order_release); }
};

class Sleeper : public coerce::Actor {
 public:
  struct WakeUp {
    Arrival* arrival;
  };
  void handle(WakeUp message, ActorContext&) { message.arrival->arrive(); }
};

/// The median time from `begin(arrival)`, which makes the other side call `arrival.arrive()`, to
/// that call; the other side has had time to fall asleep before each.
template <class F>
double median_wake_up_ns(std::uint64_t samples, F begin) {
  std::vector<Clock::rep> took;
  for (std::uint64_t i = 0; i < samples; ++i) {
    std::this_thread::sleep_for(500us);
    Arrival arrival;
    arrival.began = Clock::now();
    begin(arrival);
    while (arrival.took.load(std::memory_order_acquire) == 0) std::this_thread::sleep_for(50us);
    took.push_back(arrival.took);
  }
  const auto middle = took.begin() + static_cast<std::ptrdiff_t>(took.size() / 2);
  std::nth_element(took.begin(), middle, took.end());
  return static_cast<double>(*middle);
}

/// From an outside thread to an idle system: notify to handler, and asio::post to the function.
Bench wake_up() {
  return {.name = "wake_up",
          .figures = {{.name = "wake_up", .unit = "ns", .target = times(2, "wake_up_asio")},
                      {.name = "wake_up_asio", .unit = "ns"}},
          .prepare = [](const Settings& settings) -> Run {
            const auto system = make_system(settings);
            const auto sleeper = start(system, Sleeper());
            const auto pool = std::make_shared<asio::thread_pool>(settings.workers);
            return [system, sleeper, pool, samples = settings.scaled(50)] {
              const double ours = median_wake_up_ns(
                  samples, [&](Arrival& arrival) { sleeper.notify(Sleeper::WakeUp{&arrival}); });
              const double asio = median_wake_up_ns(samples, [&](Arrival& arrival) {
                asio::post(*pool, [&arrival] { arrival.arrive(); });
              });
              return Sample{.ops = samples, .numbers = {ours, asio}};
            };
          },
          .needs_threads = true};
}

// ---- idling -------------------------------------------------------------------------------------

/// CPU time of the process, its main thread asleep, while a system of a thousand actors has nothing
/// to do for two seconds.
Bench idle() {
  return {.name = "idle",
          .figures = {{.name = "idle_cpu", .unit = "ms", .target = at_most(2)}},
          .prepare = [](const Settings& settings) -> Run {
            const auto system = make_system(settings);
            std::vector<LocalActorRef<Sleeper>> actors;
            actors.reserve(1'000);
            for (int i = 0; i < 1'000; ++i) actors.push_back(start(system, Sleeper()));
            return [system, actors] {
              const Stopwatch watch;
              std::this_thread::sleep_for(2s);
              return Sample{.ops = 1, .numbers = {watch.stop(1).cpu_ns / 1e6}};
            };
          },
          .most_runs = 3,
          .needs_threads = true,
          .warm_up = false};
}

}  // namespace

std::vector<Bench> timing() { return {timers(), wake_up(), idle()}; }

}  // namespace suite
