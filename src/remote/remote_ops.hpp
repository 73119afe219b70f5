/// \file
/// What is done with references to actors of other nodes besides sending.

#pragma once

#include "remote/core.hpp"
#include "remote/shared_answers.hpp"
#include "remote/watching.hpp"

namespace coerce::detail {

/// Asks the actor's node, and answers others. A question ends after RemoteLimits::request_timeout;
/// a description after twice its child_timeout and a second, so that it can still say which actors
/// were silent. An actor that others have asked to stop, or for its status, costs a task for each
/// of the two until it has answered, however often it is asked. Thread-safe.
class RemoteOperations final : public ReferenceOperations {
 public:
  RemoteOperations(RemoteCore& core, Watching& watching);

  Task<Result<ActorStatus>> status_of(std::shared_ptr<Peer> peer, ActorId id) override;
  Task<Result<void>> stop_of(std::shared_ptr<Peer> peer, ActorId id) override;
  Task<DescribeResult> describe_of(std::shared_ptr<Peer> peer, ActorId id,
                                   DescribeOptions options) override;
  Result<void> watch_of(const std::shared_ptr<Peer>& peer, Cell& watcher,
                        ForeignCell& target) override {
    return watching_.watch(peer, watcher, target);
  }
  void unwatch_of(const std::shared_ptr<Peer>& peer, Cell& watcher,
                  ForeignCell& target) noexcept override {
    watching_.unwatch(peer, watcher, target);
  }
  /// What another node can do. Errors: Unreachable, Timeout.
  Task<Result<SystemCapabilities>> capabilities_of(NodeId node, Duration timeout);

 private:
  Task<Result<Bytes>> answer_status(Bytes question);
  Task<Result<Bytes>> answer_stop(Bytes question);
  Task<Result<Bytes>> answer_describe(Bytes question);
  Task<Result<Bytes>> answer_capabilities();
  Result<CellRef> find(BytesView question);
  Duration limit() const noexcept { return core_.settings().limits.request_timeout; }

  RemoteCore& core_;
  Watching& watching_;
  SharedAnswers<ActorStatus> statuses_;
  SharedAnswers<void> endings_;
};

}  // namespace coerce::detail
