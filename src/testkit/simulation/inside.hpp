/// \file
/// What a Simulation keeps to itself.

#pragma once

#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <vector>

#include <coerce/testkit/simulation.hpp>

#include "testkit/inside.hpp"
#include "testkit/log_capture.hpp"
#include "testkit/network/world.hpp"
#include "testkit/simulation/life.hpp"

namespace coerce::testkit {

class Simulation::Inside final : public detail::Driven {
 public:
  Inside(Simulation& simulation, SimulationOptions chosen, SystemSetup systems,
         detail::Trace* trace);

  // ---- Driven
  bool step() override;
  TimePoint now() const override { return clock.now(); }
  std::optional<TimePoint> next_moment() override;
  void pass_to(TimePoint time) override;

  /// Throws ExpectationFailed if there is no end of it.
  bool run(const std::function<bool()>& done, Duration within);
  std::string what_runs();
  void record(detail::Trace* trace);
  void disturb_all();  ///< whatever was quiet may have something to do now

  struct Node {
    Node(Simulation& simulation, NodeId id) : handle(simulation, id) {}

    SimulatedNode handle;
    std::unique_ptr<detail::Life> life;  ///< or it has crashed
    std::size_t lives = 0;
  };
  Node& node(NodeId id) { return nodes.at(static_cast<std::size_t>(id - 1)); }
  detail::Life& life(NodeId id);
  void begin_life(NodeId id);
  void end_life(NodeId id);

  const SimulationOptions options;
  const SystemSetup systems;
  const int exceptions = std::uncaught_exceptions();
  detail::VirtualClock clock;
  Rng rng;
  std::optional<detail::Trace> own_trace;
  detail::Trace* trace;  ///< or none
  std::optional<detail::LogCapture> log;
  std::shared_ptr<detail::NetworkWorld> network;
  /// What has ended is kept, since others may have references to it.
  std::vector<std::unique_ptr<detail::Life>> ended;
  std::deque<Node> nodes;
  std::vector<std::function<void(SimulatedNode&)>> starters;
  bool is_shut_down = false;
  bool is_endless = false;  ///< something never stopped running
  Inside* abandoned_before = nullptr;

 private:
  std::size_t draw_turn(std::size_t ready);

  static constexpr std::size_t kNetwork = 0;
  std::size_t turn_of_ = kNetwork;  ///< a node's id, or the network
  std::uint64_t turn_left_ = 0;     ///< steps
  std::vector<std::size_t> ready_;
};

}  // namespace coerce::testkit
