/// \file
/// What a TestSystem keeps to itself.

#pragma once

#include <deque>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include <coerce/testkit/test_system.hpp>

#include "testkit/driving.hpp"
#include "testkit/log_capture.hpp"
#include "testkit/recorder.hpp"

namespace coerce::testkit {

namespace detail {

/// COERCE_SEED. Throws std::invalid_argument if it is no seed.
std::optional<std::uint64_t> seed_of_environment();
/// The environment's, the given one, or one that is drawn.
std::uint64_t chosen_seed(std::uint64_t seed);

/// Actors that handle something and do not go on, with their children; lines.
std::string busy_actors(coerce::detail::SystemCore& core);
/// Names what did not stop; lines.
std::string what_is_stuck(const ShutdownReport& report);

/// Time that goes on by the will of the test, or while the system could do nothing but wait.
class VirtualClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return time_.now(); }
  WallTime wall_now() const noexcept override { return time_.wall_now(); }
  bool advances() const noexcept override { return false; }
  bool skip(Duration step) noexcept override {
    advance(step);
    return true;
  }
  void advance(Duration step) noexcept { time_.advance(step); }

 private:
  ManualClock time_;
};

}  // namespace detail

class TestSystem::Inside final : public detail::Driven {
 public:
  Inside(TestSystemOptions chosen, ActorSystemBuilder builder, detail::Trace* trace);

  coerce::detail::SchedulerCore& core() const noexcept { return system->scheduler().core(); }
  bool step() override { return detail::step(core()); }
  TimePoint now() const override { return clock.now(); }
  std::optional<TimePoint> next_moment() override { return core().next_deadline(); }
  void pass_to(TimePoint time) override;
  std::string what_runs();

  const TestSystemOptions options;
  const int exceptions = std::uncaught_exceptions();
  detail::VirtualClock clock;
  std::optional<detail::Recorder> recorder;  // keeps the memory of actors: outlives the system
  std::optional<detail::LogCapture> log;     // what the system's end logs is captured too
  std::optional<ActorSystem> system;
  std::deque<DeadLetter> dead_letters;
  std::deque<HandlerFailure> failures;
  std::vector<Subscription> subscriptions;
  std::size_t probes = 0;
  bool is_shut_down = false;
  bool is_endless = false;  ///< something never stopped running
  Inside* abandoned_before = nullptr;
};

}  // namespace coerce::testkit
