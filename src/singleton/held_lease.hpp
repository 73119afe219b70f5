/// \file
/// The lease under which a singleton's actor runs.

#pragma once

#include <functional>
#include <memory>
#include <string>

#include <coerce/actor/detail/ownership.hpp>
#include <coerce/coordination/lease_store.hpp>

#include "remote/core.hpp"

namespace coerce::detail {

/// Held for one run of an actor. What the actor may do ends with ownership(), which each renewal
/// puts off: to the time of the lease, less the margin, from the moment at which the store was
/// asked. Thread-safe; lives no longer than its node's system.
class HeldLease : public std::enable_shared_from_this<HeldLease> {
 public:
  /// Null: it is somebody else's, or the store has not said in time that it is ours. `lost` is
  /// called if the store says that it is lost. \pre the node has leases
  static Task<std::shared_ptr<HeldLease>> acquire(RemoteCore& core, std::string name,
                                                  std::function<void()> lost);

  const std::shared_ptr<Ownership>& ownership() const noexcept { return ownership_; }
  Duration time_left() const noexcept;
  /// Renews it no more, and gives it up. An error only costs the next owner time.
  Task<void> release();

 private:
  HeldLease(RemoteCore& core, std::string name, std::string owner, std::function<void()> lost)
      : core_(core), name_(std::move(name)), owner_(std::move(owner)), lost_(std::move(lost)) {}

  static Task<void> keep(std::shared_ptr<HeldLease> self);
  /// True: it is renewed. Ends the ownership if the lease is certainly lost.
  Task<bool> renew();
  TimePoint end_of(TimePoint asked, Duration ttl) const noexcept;
  LeaseStore& store() const noexcept { return *core_.settings().leases; }

  RemoteCore& core_;
  const std::string name_;
  const std::string owner_;
  const std::function<void()> lost_;
  std::shared_ptr<Ownership> ownership_;
  AsyncEvent released_;
};

}  // namespace coerce::detail
