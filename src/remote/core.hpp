/// \file
/// The node: everything remote of one actor system.

#pragma once

#include <atomic>
#include <deque>
#include <mutex>

#include <coerce/actor/extension.hpp>
#include <coerce/remote/server.hpp>

#include "remote/links.hpp"
#include "remote/membership.hpp"
#include "remote/node_world.hpp"
#include "remote/peer.hpp"
#include "remote/peer_table.hpp"
#include "remote/services.hpp"
#include "remote/settings.hpp"

namespace coerce::detail {

class ClusterWorker;
struct NodeParts;

/// What is done with references to actors of other nodes besides sending; one part of a node.
/// See PeerHost, which hands it on.
class ReferenceOperations {
 public:
  virtual ~ReferenceOperations() = default;
  virtual Task<Result<ActorStatus>> status_of(std::shared_ptr<Peer> peer, ActorId id) = 0;
  virtual Task<Result<void>> stop_of(std::shared_ptr<Peer> peer, ActorId id) = 0;
  virtual Task<DescribeResult> describe_of(std::shared_ptr<Peer> peer, ActorId id,
                                           DescribeOptions options) = 0;
  virtual Result<void> watch_of(const std::shared_ptr<Peer>& peer, Cell& watcher,
                                ForeignCell& target) = 0;
  virtual void unwatch_of(const std::shared_ptr<Peer>& peer, Cell& watcher,
                          ForeignCell& target) noexcept = 0;
};

using LinkListener = std::function<void(const std::shared_ptr<Peer>& peer)>;
/// What has to be done before this node is no member any more; it ends by the deadline.
using LeavingHook = std::function<Task<void>(TimePoint until)>;
using UnlinkListener = std::function<void(const std::shared_ptr<Peer>& peer, bool goodbye)>;

/// The extension of a system that makes it a node. The parts of the module (registry, deployment,
/// operations on references) attach to it while it is built, and find others through it.
class RemoteCore final : public SystemExtension, public PeerHost, private LinksHost {
 public:
  explicit RemoteCore(NodeSettings settings);
  ~RemoteCore() override;

  /// As others are told at the moment: the incarnation changes when the node has to begin anew. The
  /// reference stays valid, whatever follows.
  const NodeDescription& self() const noexcept override {
    return *self_.load(std::memory_order_acquire);
  }
  const NodeSettings& settings() const noexcept { return settings_; }
  NodeWorld& world() noexcept { return *world_; }
  Membership& membership() noexcept { return *membership_; }
  Transport& transport() noexcept { return *settings_.transport; }
  PeerTable& peer_table() noexcept { return *peers_; }
  /// A node that has been linked once in its present incarnation; null if there is none.
  std::shared_ptr<Peer> peer(NodeId node) const { return peers_->find(node); }
  std::vector<std::shared_ptr<Peer>> peers() const { return peers_->all(); }

  /// Asks a member, this node too (then served here). Errors: Unreachable, Timeout, Overloaded,
  /// Cancelled (at once, when it is asked to stop), and what the handler says.
  Task<Result<Bytes>> ask(NodeId node, InternalKind kind, Bytes payload, Duration timeout);
  /// The same for a question that may be asked twice: when a link dies under it (as one of two that
  /// were dialled at the same time does), it waits a second at the most for the next one.
  Task<Result<Bytes>> ask_again(std::shared_ptr<Peer> peer, InternalKind kind, Bytes payload,
                                Duration timeout);
  Task<Result<Bytes>> ask_again(NodeId node, InternalKind kind, Bytes payload, Duration timeout);
  Result<void> tell(NodeId node, InternalKind kind, Bytes payload);
  /// While the node is built only.
  void serve(InternalKind kind, InternalHandler handler) {
    services_->add(kind, std::move(handler));
  }
  void serve_in_order(InternalKind kind, InOrderHandler handler) {
    services_->add_in_order(kind, std::move(handler));
  }
  /// See Services::asked.
  std::uint64_t asked(InternalKind kind) const { return services_->asked(kind); }
  void on_node(NodeListener listener) { membership_->listen(std::move(listener)); }
  void on_cluster(ClusterListener listener) { membership_->watch(std::move(listener)); }
  void set_operations(std::shared_ptr<ReferenceOperations> operations) {
    operations_ = std::move(operations);
  }
  /// Called whenever a link with a node is up, by which it may be talked to from now on.
  void on_link(LinkListener listener) { link_listeners_.push_back(std::move(listener)); }
  /// Called whenever a link with a node has ended, before it can be lost for that.
  void on_unlink(UnlinkListener listener) { unlink_listeners_.push_back(std::move(listener)); }
  /// Called, beside others, when this node leaves: it is a member until they have ended, but takes
  /// nothing new. While the node is built only.
  void on_leaving(LeavingHook hook) { leaving_hooks_.push_back(std::move(hook)); }
  void set_parts(std::shared_ptr<NodeParts> parts) { module_ = std::move(parts); }
  NodeParts& parts() noexcept { return *module_; }
  /// Keeps a part of another module until the node is destroyed. While the node is built only; one
  /// of each type.
  template <class P>
  void keep(std::shared_ptr<P> part) {
    parts_.emplace_back(&kPartKey<P>, std::move(part));
  }
  /// Null if there is none.
  template <class P>
  P* part() const noexcept {
    for (const auto& [key, part] : parts_)
      if (key == &kPartKey<P>) return static_cast<P*>(part.get());
    return nullptr;
  }

  /// A tracked message of bytes to an actor of this node; see RemoteActorSystem::handle_message.
  Task<Result<Bytes>> handle_message(std::string handler, ActorId id, Bytes message,
                                     Duration timeout);

  // ---- the cluster worker
  struct Addresses {
    std::string local;
    std::string advertised;
  };
  /// See ClusterWorkerBuilder::start().
  Task<Result<Addresses>> start_worker(WorkerSettings settings);
  /// Does it leave, or shut down? Then it is not ready for anything new.
  bool is_leaving() const noexcept { return is_leaving_; }
  /// See RemoteActorSystem::leave(). Beside another one it waits for that.
  Task<void> leave(TimePoint until);

  // ---- SystemExtension
  std::string_view name() const noexcept override { return "remote"; }
  void started(const ActorSystem& system) override;
  Task<void> stop_accepting(TimePoint deadline) override;
  Task<void> stop(TimePoint deadline) override;

  // ---- PeerHost
  const RemoteHandlers& handlers() const noexcept override { return settings_.handlers; }
  CellRef find_actor(const ActorId& id) noexcept override;
  void serve(const std::shared_ptr<Peer>& peer, InternalKind kind, Bytes payload,
             std::optional<std::uint64_t> ask) override;
  void take_in_order(Peer& peer, InternalKind kind, std::uint64_t number,
                     BytesView payload) override;
  void heard(Peer& peer, Duration latency) noexcept override;
  Authenticator* authenticator() noexcept override { return settings_.authenticator.get(); }
  void draw_secret(std::span<std::uint8_t> into) override {
    settings_.transport->random_bytes(into);
  }
  Task<Result<ActorStatus>> status_of(std::shared_ptr<Peer> peer, ActorId id) override;
  Task<Result<void>> stop_of(std::shared_ptr<Peer> peer, ActorId id) override;
  Task<DescribeResult> describe_of(std::shared_ptr<Peer> peer, ActorId id,
                                   DescribeOptions options) override;
  Result<void> watch_of(const std::shared_ptr<Peer>& peer, Cell& watcher,
                        ForeignCell& target) override;
  void unwatch_of(const std::shared_ptr<Peer>& peer, Cell& watcher,
                  ForeignCell& target) noexcept override;

 private:
  // ---- LinksHost
  Result<void> admit(const NodeDescription& node, const Meeting& meeting) override {
    return membership_->admit(node, meeting);
  }
  void came(const NodeDescription& node, const Meeting& meeting) override {
    membership_->came(node, meeting);
  }
  void linked(const std::shared_ptr<Peer>& peer) override;
  void unlinked(const std::shared_ptr<Peer>& peer, bool goodbye) override;
  void removed(const NodeDescription& as, const NodeDescription& peer) override;

  std::shared_ptr<ClusterWorker> worker() const;
  std::shared_ptr<ClusterWorker> drop_worker();
  NodeDescription describe(std::string address);
  void become(NodeDescription self);
  void begin_anew(std::string address, bool forget_addresses);
  void lost_to_others(std::string_view why);
  /// Says that this node leaves, and does what has to be done before. May be called again.
  Task<void> hand_over(TimePoint until);
  /// Until this node is no member any more, so that the others need not find out that it has gone.
  Task<void> wait_until_left(TimePoint until);
  void refresh();
  void nobody_at(const std::string& address);
  static Task<Result<Bytes>> ask_peer(std::shared_ptr<Peer> peer, InternalKind kind, Bytes payload,
                                      Duration timeout);
  Task<void> say_goodbye(TimePoint until);

  // ---- members_only.cpp
  bool may_ask(Peer& peer) const;
  void ask_later(const std::shared_ptr<Peer>& peer, InternalKind kind, Bytes payload,
                 std::optional<std::uint64_t> ask);
  static Task<void> await_membership(RemoteCore& self, std::shared_ptr<Peer> peer,
                                     InternalKind kind, Bytes payload,
                                     std::optional<std::uint64_t> ask);
  void refuse_stranger(Peer& peer, InternalKind kind, std::optional<std::uint64_t> ask);

  // ---- join.cpp
  std::optional<ActorRefErr> refuse_network(const WorkerSettings& settings) const;
  Result<std::string> advertised(const WorkerSettings& settings, const std::string& local) const;
  static Task<void> tick(RemoteCore& self, std::shared_ptr<ClusterWorker> its_worker);
  /// Errors: Timeout, Cancelled.
  Task<Result<void>> await_leave(TimePoint until, Duration timeout);

  NodeSettings settings_;
  std::optional<NodeWorld> world_;
  std::optional<Services> services_;
  std::atomic<std::size_t> waiting_strangers_{0};  ///< questions in await_membership()
  std::optional<PeerTable> peers_;
  std::unique_ptr<Membership> membership_;
  std::optional<Links> links_;
  std::shared_ptr<ReferenceOperations> operations_;
  std::shared_ptr<NodeParts> module_;  ///< the parts of this module
  std::vector<LinkListener> link_listeners_;
  std::vector<UnlinkListener> unlink_listeners_;
  std::vector<LeavingHook> leaving_hooks_;
  /// Its address stands for the type.
  template <class P>
  static inline char kPartKey = 0;
  std::vector<std::pair<const void*, std::shared_ptr<void>>> parts_;  ///< of other modules

  std::atomic<const NodeDescription*> self_{nullptr};
  std::recursive_mutex
      beginning_anew_;  ///< listeners may find out meanwhile that it is needed again
  std::atomic<bool> is_leaving_{false};  ///< so it does not begin anew
  mutable std::mutex mutex_;
  std::deque<NodeDescription> selves_;  ///< grows only: they are referred to
  std::shared_ptr<ClusterWorker> worker_;
  bool is_stopping_ = false;
  bool is_starting_ = false;          ///< without a worker: somebody is about to make one
  std::shared_ptr<AsyncEvent> left_;  ///< set once the latest leave is over; null: there was none
};

}  // namespace coerce::detail
