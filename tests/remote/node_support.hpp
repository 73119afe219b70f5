/// \file
/// Nodes of a simulation, for tests.

#pragma once

#include <coerce/remote/system.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <coerce/testkit/simulation.hpp>

namespace coerce::test {

using namespace std::chrono_literals;

inline constexpr int kPort = 30101;

/// Takes anybody who knows the secret, and shows it to everybody: for tests alone.
class SharedWord final : public Authenticator {
 public:
  explicit SharedWord(std::string word, std::optional<std::string> weakness = {})
      : word_(std::move(word)), weakness_(std::move(weakness)) {}
  std::string name() const override { return "shared-word"; }
  Result<Bytes> prove(const HelloFacts&) override { return bytes_of(word_); }
  Result<void> verify(const HelloFacts&, BytesView proof) override {
    if (text_of(proof) == word_) return {};
    return coerce::unexpected(ActorRefErr::Unauthorised("it does not know the word"));
  }
  std::optional<std::string> weakness() const override { return weakness_; }

 private:
  std::string word_;
  std::optional<std::string> weakness_;
};

inline std::string address_of(const testkit::SimulatedNode& node) {
  return node.host() + ":" + std::to_string(kPort);
}

using Setup = std::function<void(RemoteActorSystemBuilder&)>;

/// Makes the present life of a node of the simulation a node of a cluster.
inline RemoteActorSystem build_node(testkit::SimulatedNode& node, const Setup& setup = {}) {
  auto builder = RemoteActorSystem::builder();
  builder.with_id(node.id())
      .with_actor_system(node.system())
      .transport(node.transport())
      .allow_plaintext();
  if (setup) setup(builder);
  auto built = node.run(builder.build());
  if (!built) node.fail("no node: " + built.error().to_string());
  return *built;
}

inline ClusterWorkerBuilder worker_of(testkit::SimulatedNode& node, const RemoteActorSystem& remote,
                                      const std::vector<std::string>& seeds) {
  auto worker = remote.cluster_worker();
  worker.listen_addr(address_of(node));
  for (const auto& seed : seeds) worker.with_seed_addr(seed);
  return worker;
}

/// What start() has come to, for nodes that start beside each other.
struct Starting {
  bool done = false;
  std::optional<ActorRefErr> error;
};

inline std::shared_ptr<Starting> begin_start(testkit::SimulatedNode& node,
                                             ClusterWorkerBuilder worker) {
  auto starting = std::make_shared<Starting>();
  auto run = [](ClusterWorkerBuilder its_worker, std::shared_ptr<Starting> outcome) -> Task<void> {
    auto task = its_worker.start();
    auto server = co_await task;
    if (!server) outcome->error = server.error();
    outcome->done = true;
  };
  node.system().spawn(run(std::move(worker), starting));
  return starting;
}

inline void start(testkit::SimulatedNode& node, const RemoteActorSystem& remote,
                  const std::vector<std::string>& seeds) {
  auto worker = worker_of(node, remote, seeds);
  auto server = node.run(worker.start());
  if (!server) node.fail("did not join: " + server.error().to_string());
}

/// "1 healthy, 2 terminated"
inline std::string table_of(const RemoteActorSystem& remote) {
  std::string text;
  for (const auto& node : remote.get_nodes()) {
    if (!text.empty()) text += ", ";
    text += std::to_string(node.id) + " " + std::string(to_string(node.status));
  }
  return text;
}

inline constexpr const char* kMesh = "1 healthy, 2 healthy, 3 healthy";

}  // namespace coerce::test
