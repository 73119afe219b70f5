#include <coerce/testkit/simulation.hpp>

#include <algorithm>
#include <atomic>
#include <exception>
#include <stdexcept>

#include <fmt/format.h>

#include <coerce/testkit/detail/probe_actor.hpp>

#include "actor/system_core.hpp"
#include "testkit/simulation/inside.hpp"

namespace coerce::testkit {

namespace {

SimulationOptions with_seed(SimulationOptions options) {
  options.seed = detail::chosen_seed(options.seed);
  return options;
}

}  // namespace

// ---- SimulatedNode ------------------------------------------------------------------------------

std::string SimulatedNode::host() const { return fmt::format("10.0.0.{}", id_); }
bool SimulatedNode::is_alive() const noexcept {
  return simulation_->inside_->node(id_).life != nullptr;
}
std::size_t SimulatedNode::life() const noexcept { return simulation_->inside_->node(id_).lives; }
ActorSystem& SimulatedNode::system() const { return *simulation_->inside_->life(id_).system; }
std::shared_ptr<Transport> SimulatedNode::transport() const {
  return simulation_->inside_->life(id_).transport;
}

bool SimulatedNode::wait_for(const std::function<bool()>& done, Duration within) {
  return simulation_->run_until(done, within);
}
Duration SimulatedNode::now() const noexcept { return simulation_->now(); }
void SimulatedNode::fail(std::string_view what) const { simulation_->fail(what); }

ActorId SimulatedNode::probe_id(std::string_view wanted) {
  const std::size_t number = ++probes_;
  return wanted.empty() ? ActorId(fmt::format("probe-{}", number)) : ActorId(wanted);
}

void SimulatedNode::finish(Task<void> task) {
  auto& core = simulation_->inside_->life(id_).core();
  const auto done = detail::start_driven(core, std::move(task));
  if (simulation_->run_until([&] { return *done; }, Duration::max())) return;
  std::string text = fmt::format(
      "the task on node {} can never be done: nothing is ready and no timer is armed", id_);
  if (is_alive()) text += detail::busy_actors(system().core());
  fail(text);
}

// ---- Simulation ---------------------------------------------------------------------------------

Simulation::Simulation(SimulationOptions options, SystemSetup systems)
    : inside_(std::make_unique<Inside>(*this, with_seed(options), std::move(systems), nullptr)) {}

Simulation::Simulation(SimulationOptions options, SystemSetup systems, detail::Trace* trace)
    : inside_(std::make_unique<Inside>(*this, options, std::move(systems), trace)) {}

Simulation::~Simulation() {
  if (std::uncaught_exceptions() > inside_->exceptions)
    fmt::print(stderr, "coerce: the failed test had the seed {}; COERCE_SEED={} repeats it\n",
               seed(), seed());
  try {
    shutdown();
  } catch (const std::exception& error) {
    if (inside_->options.show_log) fmt::print(stderr, "coerce: {}\n", error.what());
  }
  inside_->record(nullptr);
  // What did not stop has a last chance to, each system in its own time.
  for (Inside::Node& each : inside_->nodes)
    if (each.life) each.life->clock.leave();
  if (!inside_->is_endless) return;
  // A system's end would wait for what never stops running. Kept where it can be found.
  static std::atomic<Inside*> abandoned{nullptr};
  inside_->log.reset();
  Inside* left = inside_.release();
  left->abandoned_before = abandoned.exchange(left);
}

std::uint64_t Simulation::seed() const noexcept { return inside_->options.seed; }
Duration Simulation::now() const noexcept { return inside_->clock.now().time_since_epoch(); }
std::size_t Simulation::nodes() const noexcept { return inside_->nodes.size(); }
SimulatedNode& Simulation::node(NodeId id) { return inside_->node(id).handle; }

SimulatedNode& Simulation::first_alive() {
  for (Inside::Node& each : inside_->nodes)
    if (each.life && !each.life->is_paused) return each.handle;
  throw std::logic_error("coerce: no node is alive");
}

void Simulation::on_start(std::function<void(SimulatedNode&)> callback) {
  for (Inside::Node& each : inside_->nodes)
    if (each.life) callback(each.handle);
  inside_->starters.push_back(std::move(callback));
}

void Simulation::run_for(Duration step) {
  (void)inside_->run([] { return false; }, step);
}

bool Simulation::run_until(const std::function<bool()>& done, Duration within) {
  return inside_->run(done, within);
}

std::uint64_t Simulation::draw(std::uint64_t bound) noexcept { return inside_->rng.below(bound); }

void Simulation::fail(std::string_view what) const {
  throw ExpectationFailed(fmt::format("{} [at {}, seed {}]", what, detail::words(now()), seed()));
}

// ---- nodes --------------------------------------------------------------------------------------

void Simulation::crash(NodeId id, CrashKind kind) {
  (void)inside_->life(id);
  inside_->network->crash(id, kind);
  inside_->end_life(id);
}

void Simulation::restart(NodeId id) {
  if (inside_->node(id).life)
    throw std::logic_error(fmt::format("coerce: node {} has not crashed", id));
  ++inside_->network->happened().restarts;
  if (inside_->trace != nullptr) inside_->trace->add(fmt::format("{} starts again", id));
  inside_->begin_life(id);
}

void Simulation::pause(NodeId id) {
  if (std::exchange(inside_->life(id).is_paused, true))
    throw std::logic_error(fmt::format("coerce: node {} is paused", id));
  ++inside_->network->happened().pauses;
  if (inside_->trace != nullptr) inside_->trace->add(fmt::format("{} is paused", id));
}

void Simulation::resume(NodeId id) {
  if (!std::exchange(inside_->life(id).is_paused, false))
    throw std::logic_error(fmt::format("coerce: node {} is not paused", id));
  inside_->life(id).is_quiet = false;
  if (inside_->trace != nullptr) inside_->trace->add(fmt::format("{} goes on", id));
}

bool Simulation::is_paused(NodeId id) const { return inside_->life(id).is_paused; }

// ---- the network --------------------------------------------------------------------------------

void Simulation::partition(const std::vector<NodeId>& side, const std::vector<NodeId>& others,
                           PartitionKind kind) {
  inside_->network->partition(side, others, kind);
}
void Simulation::stall(NodeId from, NodeId to) { inside_->network->stall(from, to); }
void Simulation::slow(NodeId from, NodeId to, std::uint64_t bytes_per_second) {
  inside_->network->slow(from, to, bytes_per_second);
}
void Simulation::set_name(std::string host, std::vector<NodeId> nodes) {
  inside_->network->set_name(std::move(host), std::move(nodes));
}
void Simulation::heal() { inside_->network->heal(); }
void Simulation::cut(NodeId a, NodeId b, Notice notice) { inside_->network->cut(a, b, notice); }

Happenings Simulation::happened() const noexcept { return inside_->network->happened(); }
std::size_t Simulation::bytes_in_network() const { return inside_->network->buffered(); }

std::vector<std::string> Simulation::trace() const {
  return inside_->trace == nullptr ? std::vector<std::string>() : inside_->trace->lines();
}

// ---- the end ------------------------------------------------------------------------------------

void Simulation::shutdown() {
  Inside& inside = *inside_;
  if (std::exchange(inside.is_shut_down, true)) return;
  struct Ending {
    NodeId node;
    std::shared_ptr<coerce::detail::BlockOnOutcome<ShutdownReport>> outcome;
    std::shared_ptr<const bool> done;
  };
  std::vector<Ending> endings;
  for (Inside::Node& each : inside.nodes) {
    if (!each.life) continue;
    each.life->is_paused = false;
    auto outcome = std::make_shared<coerce::detail::BlockOnOutcome<ShutdownReport>>();
    auto done = detail::start_driven(
        each.life->core(),
        coerce::detail::capture(each.life->system->shutdown(inside.options.shutdown_deadline),
                                outcome));
    endings.push_back({each.handle.id(), std::move(outcome), std::move(done)});
  }
  const auto have_ended = [&] {
    return std::all_of(endings.begin(), endings.end(),
                       [](const Ending& ending) { return *ending.done; });
  };
  if (!run_until(have_ended, Duration::max())) fail("a node's shutdown can never end");
  run_for(Duration::zero());  // the last events reach their subscribers
  inside.is_endless = false;
  std::string text;
  for (const Ending& ending : endings)
    if (const ShutdownReport report = ending.outcome->take(); !report.complete)
      text += fmt::format("\nnode {} did not shut down within {} {}", ending.node,
                          detail::words(inside.options.shutdown_deadline),
                          detail::what_is_stuck(report));
  if (!text.empty()) fail(text.substr(1));
}

}  // namespace coerce::testkit
