// Whose turn it is: the nodes and the network, one step at a time.

#include "testkit/simulation/inside.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include <coerce/testkit/detail/probe_actor.hpp>

namespace coerce::testkit {

namespace {
constexpr std::size_t kShownSteps = 40;
constexpr unsigned kLongestTurn = 6;  ///< as a power of two
}  // namespace

Simulation::Inside::Inside(Simulation& simulation, SimulationOptions chosen, SystemSetup setup,
                           detail::Trace* outer_trace)
    : options(chosen),
      systems(std::move(setup)),
      rng(options.seed),
      trace(outer_trace),
      log(std::in_place, options.show_log),
      network(std::make_shared<detail::NetworkWorld>(options.network, options.nodes, rng.next(),
                                                     clock)) {
  if (trace == nullptr && options.trace_lines != 0) trace = &own_trace.emplace(options.trace_lines);
  network->record(trace);
  for (NodeId id = 1; id <= options.nodes; ++id) nodes.emplace_back(simulation, id);
  for (NodeId id = 1; id <= options.nodes; ++id) begin_life(id);
}

detail::Life& Simulation::Inside::life(NodeId id) {
  Node& place = node(id);
  if (!place.life) throw std::logic_error(fmt::format("coerce: node {} has crashed", id));
  return *place.life;
}

void Simulation::Inside::begin_life(NodeId id) {
  Node& place = node(id);
  ActorSystemBuilder builder = ActorSystem::builder();
  builder.system_name(fmt::format("node-{}", id));
  if (systems) systems(builder, id);
  place.life = std::make_unique<detail::Life>(id, ++place.lives, std::move(builder), rng.next(),
                                              clock, network->attach(id), trace);
  for (const auto& starter : starters) starter(place.handle);
}

void Simulation::Inside::end_life(NodeId id) {
  Node& place = node(id);
  ended.push_back(std::move(place.life));
  const auto end = ended.back()->end_alone(options.shutdown_deadline, options.max_steps);
  if (end.is_endless) is_endless = true;
}

void Simulation::Inside::disturb_all() {
  for (Node& each : nodes)
    if (each.life) each.life->is_quiet = false;
}

/// Short turns and long ones are about as likely.
std::size_t Simulation::Inside::draw_turn(std::size_t ready) {
  turn_left_ = 1 + rng.below(std::uint64_t{1} << rng.below(kLongestTurn + 1));
  return ready == 1 ? 0 : static_cast<std::size_t>(rng.below(ready));
}

bool Simulation::Inside::step() {
  for (;;) {
    ready_.clear();
    if (network->has_due()) ready_.push_back(kNetwork);
    for (std::size_t i = 0; i < nodes.size(); ++i)
      if (const auto& life = nodes[i].life; life && !life->is_paused && life->may_be_ready())
        ready_.push_back(i + 1);
    if (ready_.empty()) return false;
    if (turn_left_ == 0 || std::find(ready_.begin(), ready_.end(), turn_of_) == ready_.end())
      turn_of_ = ready_[draw_turn(ready_.size())];
    --turn_left_;
    const bool ran = turn_of_ == kNetwork ? network->step() : nodes[turn_of_ - 1].life->step();
    if (ran) return true;
    turn_left_ = 0;
  }
}

std::optional<TimePoint> Simulation::Inside::next_moment() {
  auto next = network->next_moment();
  for (Node& each : nodes) {
    if (!each.life || each.life->is_paused) continue;
    const auto deadline = each.life->core().next_deadline();
    if (!deadline) continue;
    const TimePoint moment = each.life->clock.to_world(*deadline);
    if (moment <= clock.now()) each.life->is_quiet = false;
    if (!next || moment < *next) next = moment;
  }
  return next;
}

void Simulation::Inside::pass_to(TimePoint time) {
  if (time <= clock.now()) return;
  clock.advance(time - clock.now());
  disturb_all();
  if (trace != nullptr) trace->add("-- " + detail::words(clock.now().time_since_epoch()));
}

bool Simulation::Inside::run(const std::function<bool()>& done, Duration within) {
  if (coerce::detail::thread_state().worker != nullptr)
    throw std::logic_error("coerce: an actor cannot wait for its own test");
  disturb_all();
  const detail::Drove drove =
      detail::drive(*this, done, coerce::detail::later(clock.now(), within), options.max_steps);
  if (drove != detail::Drove::Endless) return drove == detail::Drove::Done;
  is_endless = true;
  nodes.front().handle.fail(
      fmt::format("not idle after {} steps; what still runs:{}", options.max_steps, what_runs()));
}

/// What ran last is what still runs.
std::string Simulation::Inside::what_runs() {
  detail::Trace latest(kShownSteps);
  record(&latest);
  for (std::size_t i = 0; i < kShownSteps; ++i)
    if (!step()) break;
  record(trace);
  return latest.text();
}

void Simulation::Inside::record(detail::Trace* into) {
  network->record(into);
  for (Node& each : nodes)
    if (each.life) each.life->record(into);
}

}  // namespace coerce::testkit
