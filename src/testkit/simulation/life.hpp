/// \file
/// A node of a simulation from one start to its end.

#pragma once

#include <memory>
#include <optional>
#include <string>

#include <coerce/actor/system.hpp>
#include <coerce/remote/transport.hpp>

#include "testkit/driving.hpp"
#include "testkit/recorder.hpp"

namespace coerce::testkit::detail {

/// The time of one node: the simulation's, until the node is left to itself.
class NodeClock final : public Clock {
 public:
  explicit NodeClock(const Clock& world) noexcept : world_(world) {}

  TimePoint now() const noexcept override { return left_ ? *left_ : world_.now(); }
  WallTime wall_now() const noexcept override {
    return world_.wall_now() + (left_ ? *left_ - world_.now() : Duration::zero());
  }
  bool advances() const noexcept override { return false; }
  bool skip(Duration step) noexcept override {
    if (!left_) return false;  // others may have something to do before
    *left_ += step;
    return true;
  }

  /// From now on this clock stands still, and goes on by skip() alone.
  void leave() noexcept { left_ = world_.now(); }
  /// When the others' time is as this node's.
  TimePoint to_world(TimePoint time) const noexcept { return time; }

 private:
  const Clock& world_;
  std::optional<TimePoint> left_;
};

class Life {
 public:
  Life(NodeId node, std::size_t number, ActorSystemBuilder builder, std::uint64_t seed,
       const Clock& world, std::shared_ptr<Transport> transport, Trace* trace);

  coerce::detail::SchedulerCore& core() const noexcept { return system->scheduler().core(); }
  /// May there be something to run?
  bool may_be_ready() const { return !is_quiet || core().has_injected(); }
  bool step();
  void record(Trace* trace);

  struct End {
    ShutdownReport report;
    bool is_endless = false;
  };
  /// Shuts the system down, alone and in its own time.
  End end_alone(Duration deadline, std::size_t max_steps);

  const std::size_t number;
  NodeClock clock;
  std::optional<Recorder> recorder;  // keeps the memory of actors: outlives the system
  const std::shared_ptr<Transport> transport;
  std::optional<ActorSystem> system;
  bool is_paused = false;
  bool is_quiet = false;  ///< nothing was ready, and nothing has happened since

 private:
  const std::string prefix_;
};

}  // namespace coerce::testkit::detail
