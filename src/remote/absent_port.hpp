/// \file
/// What stands behind a reference to an actor that cannot be reached for good.

#pragma once

#include <coerce/actor/watch.hpp>
#include <coerce/remote/refs.hpp>

namespace coerce::detail {

/// Every use says why. Thread-safe.
class AbsentPort final : public ForeignPort {
 public:
  AbsentPort(ActorAddress address, ActorRefErr why, StopReason reason)
      : address_(std::move(address)), why_(std::move(why)), reason_(std::move(reason)) {}

  const ActorAddress& address() const noexcept { return address_; }

  NodeId node_id() const noexcept override { return address_.node; }
  std::optional<ActorRefErr> deliver(ForeignCell&, const ForeignMessage&) noexcept override {
    return why_;
  }
  Task<Result<ActorStatus>> status(CellRef) override { co_return coerce::unexpected(why_); }
  Task<Result<void>> stop(CellRef) override { co_return coerce::unexpected(why_); }
  Result<void> notify_stop(ForeignCell&) override { return coerce::unexpected(why_); }
  Task<DescribeResult> describe(CellRef target, DescribeOptions) override {
    co_return DescribeResult(target->id(), target->id(), why_);
  }
  Result<void> watch(Cell& watcher, ForeignCell& target) override {
    tell_terminated(watcher, target, reason_);
    return {};
  }
  void unwatch(Cell&, ForeignCell&) noexcept override {}

 private:
  const ActorAddress address_;
  const ActorRefErr why_;
  const StopReason reason_;
};

}  // namespace coerce::detail
