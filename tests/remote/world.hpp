/// \file
/// A few nodes that have found each other: in a simulation, or over TCP.

#pragma once

#include "node_support.hpp"

#include <catch2/catch.hpp>

#include <deque>
#include <thread>

#include <coerce/codec/members.hpp>
#include <coerce/remote/tcp.hpp>
#include <coerce/runtime/sleep.hpp>

namespace coerce::test {

using NodeSetup = std::function<void(RemoteActorSystemBuilder&, NodeId)>;

/// What scenarios that are written once need of a world. Nodes have the ids 1, 2, …; all have
/// joined when it has been made.
class SimulatedWorld {
 public:
  static constexpr bool is_virtual = true;

  explicit SimulatedWorld(std::size_t count, const NodeSetup& setup = {})
      : sim_({.nodes = count}), setup_(setup) {
    for (NodeId id = 1; id <= count; ++id) build(id);
    for (NodeId id = 1; id <= count; ++id) join(id);
    REQUIRE(until([&] { return is_whole(); }));
  }

  testkit::Simulation& sim() { return sim_; }
  RemoteActorSystem& remote(NodeId id) { return *remotes_.at(id - 1); }
  ActorSystem& system(NodeId id) { return sim_.node(id).system(); }
  template <class A>
  auto run(NodeId id, A&& awaitable) {
    return sim_.node(id).run(std::forward<A>(awaitable));
  }
  template <class A, class... Args>
  LocalActorRef<A> start(NodeId id, std::string_view name, Args&&... args) {
    return sim_.node(id).start<A>(name, std::forward<Args>(args)...);
  }
  bool until(const std::function<bool()>& done, Duration within = std::chrono::seconds(30)) {
    return sim_.run_until(done, within);
  }
  /// The process of a node ends without a word.
  void kill(NodeId id) { sim_.crash(id); }
  /// The links between two nodes break once.
  void cut(NodeId a, NodeId b) { sim_.cut(a, b); }

  void restart(NodeId id) {
    sim_.restart(id);
    build(id);
    join(id);
  }

 private:
  void build(NodeId id) {
    const Setup setup = [&](RemoteActorSystemBuilder& builder) {
      if (setup_) setup_(builder, id);
    };
    if (remotes_.size() < id) remotes_.emplace_back();
    remotes_[id - 1].emplace(build_node(sim_.node(id), setup));
  }
  void join(NodeId id) {
    std::vector<std::string> seeds;
    const NodeId seed = id == 1 ? 2 : 1;
    if (sim_.node(1).life() > 1 || id > 1) seeds.push_back(address_of(sim_.node(seed)));
    coerce::test::start(sim_.node(id), remote(id), seeds);
  }
  bool is_whole() {
    for (auto& one : remotes_)
      if (one->get_nodes().size() != remotes_.size()) return false;
    return true;
  }

  testkit::Simulation sim_;
  NodeSetup setup_;
  std::deque<std::optional<RemoteActorSystem>> remotes_;
};

/// Several systems of this process, linked over TCP.
class TcpWorld {
 public:
  static constexpr bool is_virtual = false;

  explicit TcpWorld(std::size_t count, const NodeSetup& setup = {}) {
    std::string seed;
    for (NodeId id = 1; id <= count; ++id) {
      auto& node = nodes_.emplace_back();
      auto builder = RemoteActorSystem::builder();
      builder.with_id(id).with_actor_system(*node.system);
      if (setup) setup(builder, id);
      auto built = node.system->block_on(builder.build());
      REQUIRE(built);
      node.remote = *built;
      auto worker = node.remote->cluster_worker();
      worker.listen_addr("127.0.0.1:0");
      if (!seed.empty()) worker.with_seed_addr(seed);
      auto server = node.system->block_on(worker.start());
      REQUIRE(server);
      if (seed.empty()) seed = server->local_addr();
    }
    REQUIRE(until([&] {
      return std::ranges::all_of(
          nodes_, [&](const auto& node) { return node.remote->get_nodes().size() == count; });
    }));
  }
  ~TcpWorld() {
    for (auto& node : nodes_)
      CHECK(node.system->shutdown_blocking(std::chrono::seconds(20)).complete);
  }

  RemoteActorSystem& remote(NodeId id) { return *nodes_.at(id - 1).remote; }
  ActorSystem& system(NodeId id) { return *nodes_.at(id - 1).system; }
  template <class A>
  auto run(NodeId id, A&& awaitable) {
    return system(id).block_on(std::forward<A>(awaitable));
  }
  template <class A, class... Args>
  LocalActorRef<A> start(NodeId id, std::string_view name, Args&&... args) {
    auto started = run(id, system(id).new_actor(ActorId(name), A(std::forward<Args>(args)...)));
    REQUIRE(started);
    return *started;
  }
  bool until(const std::function<bool()>& done, Duration within = std::chrono::seconds(30)) {
    const auto end = std::chrono::steady_clock::now() + within;
    while (!done()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  }

 private:
  struct Node {
    std::optional<ActorSystem> system = ActorSystem::builder().worker_threads(2).build();
    std::optional<RemoteActorSystem> remote;
  };
  std::deque<Node> nodes_;
};

/// Says what it is told to say.
struct Say {
  using Result = std::string;
  std::string text{};
};
/// Keeps its actor busy for so long.
struct Rest {
  using Result = std::int64_t;
  std::int64_t milliseconds = 0;
};
/// Fails.
struct Fall {
  std::string text{};
};

class Parrot : public Actor {
 public:
  static constexpr std::string_view type_name = "Parrot";

  std::string handle(Say message, ActorContext&) { return message.text; }
  Task<std::int64_t> handle(Rest message, ActorContext&) {
    const bool slept = co_await sleep_for(std::chrono::milliseconds(message.milliseconds));
    co_return slept ? message.milliseconds : -1;
  }
  void handle(Fall message, ActorContext&) { throw std::runtime_error(message.text); }
};

/// Another class, for the same ids.
class Owl : public Actor {
 public:
  static constexpr std::string_view type_name = "Owl";

  std::string handle(Say, ActorContext&) { return "hoo"; }
};

}  // namespace coerce::test

template <>
struct coerce::Codec<coerce::test::Say>
    : coerce::MemberCodec<coerce::test::Say, &coerce::test::Say::text> {};
template <>
struct coerce::Codec<coerce::test::Rest>
    : coerce::MemberCodec<coerce::test::Rest, &coerce::test::Rest::milliseconds> {};
template <>
struct coerce::Codec<coerce::test::Fall>
    : coerce::MemberCodec<coerce::test::Fall, &coerce::test::Fall::text> {};

namespace coerce::test {

inline void register_birds(RemoteHandlers& handlers) {
  handlers.with_handler<Parrot, Say>("Parrot.Say")
      .with_handler<Parrot, Rest>("Parrot.Rest")
      .with_handler<Parrot, Fall>("Parrot.Fall")
      .with_handler<Owl, Say>("Owl.Say");
}

inline void with_birds(RemoteActorSystemBuilder& builder, NodeId) {
  builder.with_handlers(&register_birds);
}

}  // namespace coerce::test
