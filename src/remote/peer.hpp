/// \file
/// Another node as this one reaches it: what waits for its link, what waits for its answers.

#pragma once

#include <coerce/actor/system.hpp>
#include <coerce/remote/counters.hpp>
#include <coerce/remote/handlers.hpp>
#include <coerce/remote/transport.hpp>

#include "remote/handshake.hpp"
#include "remote/internals.hpp"
#include "remote/link.hpp"
#include "remote/options.hpp"
#include "remote/outbox.hpp"
#include "remote/replies.hpp"
#include "remote/requests.hpp"

namespace coerce::detail {

class Peer;

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
  /// What the peer told in the order of its messages; by the reader of its link, so it must not
  /// wait.
  virtual void take_in_order(Peer& peer, InternalKind kind, std::uint64_t number,
                             BytesView payload) {
    (void)peer, (void)kind, (void)number, (void)payload;
  }
  virtual void heard(Peer& peer, Duration latency) noexcept = 0;  ///< a pong has come
  /// How this node and its peers prove who they are; null: nobody does.
  virtual Authenticator* authenticator() noexcept { return nullptr; }
  /// Transport::random_bytes: numbers that no peer can guess. Asked only if there is an
  /// authenticator.
  virtual void draw_secret(std::span<std::uint8_t> into) { (void)into; }
  /// Status, stop, describe, watch of references: see remote/remote_ops.hpp.
  virtual Task<Result<ActorStatus>> status_of(std::shared_ptr<Peer> peer, ActorId id) = 0;
  virtual Task<Result<void>> stop_of(std::shared_ptr<Peer> peer, ActorId id) = 0;
  virtual Task<DescribeResult> describe_of(std::shared_ptr<Peer> peer, ActorId id,
                                           DescribeOptions) = 0;
  virtual Result<void> watch_of(const std::shared_ptr<Peer>& peer, Cell& watcher,
                                ForeignCell& target) = 0;
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
class Peer final : public ForeignPort, public std::enable_shared_from_this<Peer> {
 public:
  Peer(ActorSystem system, PeerHost& host, NodeDescription node, PeerOptions options);
  ~Peer() override;

  const NodeDescription& node() const noexcept { return node_; }
  NodeId node_id() const noexcept override { return node_.id; }
  bool is_connected() const noexcept;
  /// Is the link that is up the one of this generation?
  bool is_connected_by(std::uint64_t generation) const noexcept;
  std::uint64_t generation() const noexcept;  ///< of the present or latest link; 0: none yet

  /// Carries the link until it ends, and says why. A link of a higher generation that is carried
  /// meanwhile ends this one (PROTOCOLS §5); one of a lower or equal generation ends at once.
  Task<LinkEnd> carry(std::unique_ptr<Connection> connection, LinkTerms terms);
  /// Ends the present link: drained first (until `deadline`) with a Goodbye, or at once.
  Task<void> drain(TimePoint deadline);
  void cut(std::string_view why) noexcept;
  /// The node is gone for good: cuts, and refuses everything from now on with Unreachable.
  void retire(std::string_view why) noexcept;

  /// Its node has been seen as a member of the agreed view of this one, if only in the past.
  bool was_member() const noexcept { return was_member_.load(std::memory_order_relaxed); }
  void note_member() noexcept { was_member_.store(true, std::memory_order_relaxed); }

  // ---- internals of the library
  Task<Result<Bytes>> ask(InternalKind kind, Bytes payload, Duration timeout);
  Result<void> tell(InternalKind kind, BytesView payload,
                    Outbox::Importance importance = Outbox::Importance::Plain);
  /// Keeps its order with others told so, and with users' messages; within the water marks of
  /// those.
  Result<void> tell_in_order(InternalKind kind, std::uint64_t number, BytesView payload);
  void answer(std::uint64_t ask, Result<Bytes> answer) noexcept;

  NetworkCounters counters() const noexcept;
  std::size_t inflight_requests() const noexcept;

  // ForeignPort
  std::optional<ActorRefErr> deliver(ForeignCell& target,
                                     const ForeignMessage& message) noexcept override;
  Task<Result<ActorStatus>> status(CellRef target) override;
  Task<Result<void>> stop(CellRef target) override;
  Result<void> notify_stop(ForeignCell& target) override;
  Task<DescribeResult> describe(CellRef target, DescribeOptions options) override;
  Result<void> watch(Cell& watcher, ForeignCell& target) override;
  void unwatch(Cell& watcher, ForeignCell& target) noexcept override;

 private:
  class AskAwaiter;
  struct Reading;

  // peer_link.cpp
  void prepare(Link& link, TimePoint now) noexcept;
  Task<LinkEnd> run(std::shared_ptr<Link> link);
  Task<void> read_all(std::shared_ptr<Link> link);
  Task<void> beat(std::shared_ptr<Link> link);
  Task<bool> rest(TimePoint until);
  static void end_if_overrun(Link& link) noexcept;
  bool keep_proven(Link& link, TimePoint now);
  // peer_frames.cpp
  bool handle_frames(Link& link, Reading& reading);
  const char* handle(Link& link, Reading& reading, const Frame& frame);
  const char* handle_whole(Link& link, Reading& reading, const Frame& frame, bool by_control_lane);
  const char* handle_control(Link& link, Reading& reading, const Frame& frame);
  const char* handle_ping(Link& link, Reading& reading, BytesView payload);
  const char* handle_pong(Link& link, Reading& reading, BytesView payload);
  const char* handle_challenge(Link& link, BytesView payload);
  const char* handle_proof(Link& link, BytesView payload);
  void handle_ask(const Frame& frame);
  // peer_end.cpp
  void end_expired(TimePoint now) noexcept;
  LinkEnd finish_link(Link& link) noexcept;
  void tell_unconfirmed(std::uint64_t count) noexcept;
  std::uint64_t refuse_unsent(Unsent& unsent) noexcept;
  void fail_requests(std::uint32_t link) noexcept;
  std::shared_ptr<Link> present() const noexcept;

  // peer.cpp
  const RemoteHandler* handler_of(ForeignCell& target, const void* message_key) const noexcept;
  std::optional<ActorRefErr> deliver_request(ForeignCell& target, const RemoteHandler& handler,
                                             ReplyEnvelope& asker, BytesView payload) noexcept;
  ActorRefErr refusal_of(Queued queued) const;
  ActorRefErr no_link() const;
  std::uint64_t add_request(const WaitingRequest& request);

  ActorSystem system_;
  PeerHost& host_;
  const NodeDescription node_;
  const PeerOptions options_;
  const std::shared_ptr<Outbox> outbox_;
  Requests requests_;
  const std::shared_ptr<Answering> answering_ = std::make_shared<Answering>(0);
  std::atomic<TimePoint> began_{TimePoint()};     ///< our side of the present link
  std::atomic<TimePoint> looks_at_{TimePoint()};  ///< when it looks for requests that have expired
  std::atomic<bool> was_member_{false};
  std::atomic<std::size_t> asks_{0};  ///< of the peer, being answered

  mutable SpinLock lock_;
  NetworkCounters past_;                ///< of links that have ended
  std::shared_ptr<Link> link_;          ///< the present one, or the next that waits for its end
  std::uint64_t generation_ = 0;        ///< the highest so far
  std::shared_ptr<AsyncEvent> sooner_;  ///< set when it has to look sooner than at looks_at_
  std::optional<std::string> retired_;  ///< why
};

}  // namespace coerce::detail
