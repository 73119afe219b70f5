/// \file
/// Several nodes and the network between them in one thread: virtual time, and one seed that
/// decides everything.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <coerce/actor/system.hpp>
#include <coerce/remote/transport.hpp>
#include <coerce/testkit/network.hpp>
#include <coerce/testkit/probe.hpp>

namespace coerce::testkit {

namespace detail {
class Trace;
}

class Simulation;

struct SimulationOptions {
  /// [0: drawn at random, and told when the test fails] The environment's COERCE_SEED replaces it,
  /// whatever it is.
  std::uint64_t seed = 0;
  std::size_t nodes = 3;  ///< with the ids 1, 2, …; at most 250. \pre not 0
  /// [1 000 000] Steps that one call may run before it fails: an activation of an actor or task,
  /// something that the network does, or a moment to which time goes on.
  std::size_t max_steps = 1'000'000;
  /// [30 s] Virtual time that the shutdown of a node may take.
  Duration shutdown_deadline = std::chrono::seconds(30);
  bool show_log = false;  ///< let what the nodes log be seen
  /// [0] So many of the last steps are kept for Simulation::trace().
  std::size_t trace_lines = 0;
  NetworkOptions network{};
};
static_assert(std::is_trivially_destructible_v<SimulationOptions>);

/// A node of a simulation, through all its lives. Belongs to its simulation; for the same thread.
class SimulatedNode final : public detail::Stage {
 public:
  NodeId id() const noexcept { return id_; }
  /// "10.0.0.<id>"; the network also knows it as "node-<id>". With a port behind it, others reach
  /// it there, and it may listen.
  std::string host() const;
  /// Has it been started and not crashed since? A paused node is alive.
  bool is_alive() const noexcept;
  /// Which life it is in, or was in last; from 1.
  std::size_t life() const noexcept;

  /// Of its present life; std::logic_error if it has none. Handles to it may outlive the life, but
  /// not the simulation.
  ActorSystem& system() const;
  /// The node's way into the network.
  std::shared_ptr<Transport> transport() const;

  /// Runs an awaitable on this node to its end, while all others run too, and gives its result;
  /// what it throws is thrown here. Time goes on as far as needed. ExpectationFailed if nothing is
  /// left that could ever complete it.
  template <Awaitable A>
  AwaitResult<A> run(A&& awaitable) {
    const auto outcome = std::make_shared<coerce::detail::BlockOnOutcome<AwaitResult<A>>>();
    finish(coerce::detail::capture(as_task(std::forward<A>(awaitable)), outcome));
    return outcome->take();
  }
  /// Starts an actor, built in place: tracked with the id, anonymous without. ExpectationFailed if
  /// its start fails.
  template <class A, class... Args>
    requires std::constructible_from<A, Args...>
  LocalActorRef<A> start(std::string_view id, Args&&... args) {
    auto started = run(into_actor<A>(id.empty() ? std::nullopt : std::optional(ActorId(id)),
                                     system(), std::forward<Args>(args)...));
    if (!started) fail("the actor did not start: " + started.error().to_string());
    return std::move(*started);
  }
  /// An actor of this node that takes messages of these types and shows them to the test.
  template <Message... M>
    requires(sizeof...(M) > 0)
  TestProbe<M...> probe(std::string_view id = {}) {
    auto state = std::make_shared<detail::ProbeState<M...>>();
    auto ref = detail::start_probe<M...>(system(), probe_id(id), state);
    return TestProbe<M...>(*this, std::move(ref), std::move(state));
  }

  bool wait_for(const std::function<bool()>& done, Duration within = kDefaultWait) override;
  Duration now() const noexcept override;
  [[noreturn]] void fail(std::string_view what) const override;

 private:
  friend class Simulation;
  SimulatedNode(Simulation& simulation, NodeId id) : simulation_(&simulation), id_(id) {}

  void finish(Task<void> task);
  ActorId probe_id(std::string_view wanted);

  Simulation* simulation_;
  NodeId id_;
  std::size_t probes_ = 0;
};

/// Owns nodes, each an actor system of its own, and a network between them. All of it runs on the
/// calling thread, only inside the functions of this class, of its nodes and their probes, and in
/// virtual time, which never passes while something is ready. What comes next (which node, which of
/// its actors, what the network does, how long things take) is drawn from the seed: the same seed
/// gives the same run, step by step, provided that the actors take time, randomness, threads and
/// sockets from their system alone, and that the test itself does the same things.
///
/// For one thread, and not for use inside an actor (std::logic_error). Its end shuts the nodes down
/// in virtual time; if it ends because a test failed it prints the seed.
class Simulation {
 public:
  using SystemSetup = std::function<void(ActorSystemBuilder&, NodeId)>;

  /// `systems` may give settings to the system of each life of a node, besides clock, seed and
  /// threads. Throws std::invalid_argument that names a bad option, or if COERCE_SEED is no number.
  explicit Simulation(SimulationOptions options = {}, SystemSetup systems = {});
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;
  ~Simulation();

  std::uint64_t seed() const noexcept;
  /// Virtual time since the start.
  Duration now() const noexcept;
  std::size_t nodes() const noexcept;
  /// \pre 1 <= id <= nodes(), else std::out_of_range
  SimulatedNode& node(NodeId id);

  /// Called with each node when a life of it begins, at once with those that live already: to start
  /// what the node is for. It must not run the simulation.
  void on_start(std::function<void(SimulatedNode&)> callback);

  // ---- running
  /// Runs an awaitable to its end on the first node that lives; see SimulatedNode::run.
  template <Awaitable A>
  AwaitResult<A> run(A&& awaitable) {
    return first_alive().run(std::forward<A>(awaitable));
  }
  /// Lets so much time pass; at the end nothing is ready.
  void run_for(Duration step);
  /// Runs until `done()`, which is asked before each step; at most `within`, which has then passed
  /// exactly. Gives what `done()` says last.
  bool run_until(const std::function<bool()>& done, Duration within = kDefaultWait);
  /// A number below `bound`, drawn from the seed: for tests that choose what happens. \pre not 0
  std::uint64_t draw(std::uint64_t bound) noexcept;

  // ---- nodes; std::logic_error if the node is in no state for it
  /// The node ends like a process that is killed: from now on nothing that it says leaves it. What
  /// it had said is on its way, and a drawn part of it arrives. Its system then ends by itself, cut
  /// off from the others and from their time, so that nothing of it is left.
  void crash(NodeId id, CrashKind kind = CrashKind::Process);
  /// A new life of a node that has crashed, with the same id.
  void restart(NodeId id);
  /// It does not run (SIGSTOP); time passes for it all the same, and its machine goes on taking in
  /// streams and bytes as far as there is room.
  void pause(NodeId id);
  void resume(NodeId id);
  bool is_paused(NodeId id) const;

  // ---- the network, until heal()
  /// Nothing passes between the one side and the other; nodes that are not named are not concerned.
  /// Several calls add up.
  void partition(const std::vector<NodeId>& side, const std::vector<NodeId>& others,
                 PartitionKind kind = PartitionKind::Silent);
  /// What goes from the one to the other is held; the other direction is not concerned.
  void stall(NodeId from, NodeId to);
  /// From the one to the other so many bytes pass in a second, \pre not 0: as if it read slowly.
  void slow(NodeId from, NodeId to, std::uint64_t bytes_per_second);
  /// From now on nodes that look `host` up find these, in this order; none: there is no such name,
  /// as before. "host:port" becomes "10.0.0.N:port" for each of them.
  void set_name(std::string host, std::vector<NodeId> nodes);
  /// All paths are well; what was held goes on.
  void heal();
  /// Breaks the streams between two nodes, once: in each direction a drawn prefix of what is on its
  /// way arrives, then nothing. New streams are made as ever.
  void cut(NodeId a, NodeId b, Notice notice = Notice::Drawn);

  /// What has happened so far.
  Happenings happened() const noexcept;
  /// Bytes that were written and not yet read, in all streams.
  std::size_t bytes_in_network() const;
  /// The last steps, if options ask for them.
  std::vector<std::string> trace() const;

  /// Throws ExpectationFailed with the text, the seed and the time, unless `condition`.
  void check(bool condition, std::string_view what) const {
    if (!condition) fail(what);
  }
  [[noreturn]] void fail(std::string_view what) const;

  /// Shuts all nodes down at once, in virtual time, paused ones too, which go on then.
  /// ExpectationFailed if something does not stop by the deadline.
  void shutdown();

 private:
  friend class SimulatedNode;
  friend struct SimulationRun;
  class Inside;
  Simulation(SimulationOptions options, SystemSetup systems, detail::Trace* trace);

  SimulatedNode& first_alive();

  std::unique_ptr<Inside> inside_;
};

}  // namespace coerce::testkit
