/// \file
/// Another node as this one reaches it: what waits for its link, what waits for its answers.

#pragma once

#include <coerce/actor/system.hpp>
#include <coerce/remote/counters.hpp>
#include <coerce/remote/handlers.hpp>
#include <coerce/remote/transport.hpp>

#include "remote/handshake.hpp"
#include "remote/internals.hpp"

namespace coerce::detail {

class Peer;

struct PeerOptions {
  Duration request_timeout = std::chrono::seconds(5);  ///< of a request without a deadline
  std::size_t high_water = 1u << 20;             ///< bytes that wait for a link; more: Overloaded
  std::size_t low_water = 256u << 10;            ///< from there on there is room again
  std::size_t control_reserve = 256u << 10;      ///< the same for the control lane
  std::size_t max_names = 64 * 1024;             ///< interned in each direction; then inline
  std::size_t max_requests = 1'000'000;          ///< that wait for an answer; more: Overloaded
  std::size_t max_inbound_requests = 64 * 1024;  ///< being answered; more: Overloaded
  Duration ping_interval = std::chrono::milliseconds(500);
  Duration write_deadline = std::chrono::seconds(10);  ///< no progress for so long: the link ends
};
static_assert(std::is_trivially_destructible_v<PeerOptions>);

struct LinkEnd {
  std::uint64_t generation = 0;
  std::string why;
  bool goodbye = false;  ///< the peer said that it ends
  bool hostile = false;  ///< it broke the protocol
  std::uint64_t unconfirmed = 0;
  std::uint64_t dead_letters = 0;
};

/// What a peer needs from its node. Called on workers, under no lock of the peer.
class PeerHost {
 public:
  virtual ~PeerHost() = default;
  virtual const RemoteHandlers& handlers() const noexcept = 0;
  /// A running tracked actor of users; empty if there is none.
  virtual CellRef find_actor(const ActorId& id) noexcept = 0;
  /// An Ask (then answer it with Peer::answer) or a Tell.
  virtual void serve(const std::shared_ptr<Peer>& peer, InternalKind kind, Bytes payload,
                     std::optional<std::uint64_t> ask) = 0;
  virtual void heard(Peer& peer, Duration latency) noexcept = 0;  ///< a pong has come
  /// Status, stop, describe, watch of references: see remote/remote_ops.hpp.
  virtual Task<Result<ActorStatus>> status_of(std::shared_ptr<Peer> peer, ActorId id) = 0;
  virtual Task<Result<void>> stop_of(std::shared_ptr<Peer> peer, ActorId id) = 0;
  virtual Task<DescribeResult> describe_of(std::shared_ptr<Peer> peer, ActorId id,
                                           DescribeOptions) = 0;
  virtual void watch_of(const std::shared_ptr<Peer>& peer, Cell& watcher, ForeignCell& target) = 0;
  virtual void unwatch_of(const std::shared_ptr<Peer>& peer, Cell& watcher,
                          ForeignCell& target) noexcept = 0;
};

/// One node in one incarnation. References hold it; thread-safe.
///
/// Its queue takes messages only while a link is up; without one they are refused with Unreachable
/// (NotDelivered). The senders append to the queue under a short lock; the link's writer takes what
/// is there in one go. When a link ends, what was not begun is refused: a request gets Unreachable
/// (NotDelivered), a notify is counted and published as a dead letter; a request whose frame was
/// begun gets Unreachable with outcome Unknown.
class Peer final : public ForeignPort, public ReplySink, public std::enable_shared_from_this<Peer> {
 public:
  Peer(ActorSystem system, PeerHost& host, NodeDescription node, PeerOptions options);
  ~Peer() override;

  const NodeDescription& node() const noexcept { return node_; }
  NodeId node_id() const noexcept override { return node_.id; }
  bool is_connected() const noexcept;
  std::uint64_t generation() const noexcept;  ///< of the present or latest link; 0: none yet

  /// Carries the link until it ends, and says why. A link of a higher generation that is carried
  /// meanwhile ends this one (PROTOCOLS §5); one of a lower or equal generation ends at once.
  Task<LinkEnd> carry(std::unique_ptr<Connection> connection, LinkTerms terms);
  /// Ends the present link: drained first (until `deadline`) with a Goodbye, or at once.
  Task<void> drain(TimePoint deadline);
  void cut(std::string_view why) noexcept;
  /// The node is gone for good: cuts, and refuses everything from now on with Unreachable.
  void retire(std::string_view why) noexcept;

  // ---- internals of the library
  Task<Result<Bytes>> ask(InternalKind kind, Bytes payload, Duration timeout);
  Result<void> tell(InternalKind kind, BytesView payload);
  void answer(std::uint64_t ask, Result<Bytes> answer) noexcept;

  NetworkCounters counters() const noexcept;
  std::size_t inflight_requests() const noexcept;

  // ForeignPort and ReplySink
  std::optional<ActorRefErr> deliver(ForeignCell& target,
                                     const ForeignMessage& message) noexcept override;
  Task<Result<ActorStatus>> status(CellRef target) override;
  Task<Result<void>> stop(CellRef target) override;
  Result<void> notify_stop(ForeignCell& target) override;
  Task<DescribeResult> describe(CellRef target, DescribeOptions options) override;
  void watch(Cell& watcher, ForeignCell& target) override;
  void unwatch(Cell& watcher, ForeignCell& target) noexcept override;
  void reply(std::uint64_t request, BytesView answer) noexcept override;
  void reply_error(std::uint64_t request, ActorRefErr error) noexcept override;

 private:
  ActorSystem system_;
  PeerHost& host_;
  const NodeDescription node_;
  const PeerOptions options_;
};

}  // namespace coerce::detail
