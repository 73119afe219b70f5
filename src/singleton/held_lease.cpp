#include "singleton/held_lease.hpp"

#include <algorithm>

namespace coerce::detail {

namespace {

/// One life of a node; two that share it would share the lease.
std::string owner_name(const NodeDescription& self) {
  return fmt::format("{}-{:x}-{:x}", self.id, self.incarnation.started, self.incarnation.random);
}

}  // namespace

TimePoint HeldLease::end_of(TimePoint asked, Duration ttl) const noexcept {
  const LeaseOptions& options = core_.settings().lease;
  return asked + std::min(ttl, options.ttl) - options.margin;
}

Duration HeldLease::time_left() const noexcept {
  return std::max(ownership_->until() - time_of_owners(core_.world().clock()), Duration::zero());
}

Task<std::shared_ptr<HeldLease>> HeldLease::acquire(RemoteCore& core, std::string name,
                                                    std::function<void()> lost) {
  const std::shared_ptr<HeldLease> lease(
      new HeldLease(core, std::move(name), owner_name(core.self()), std::move(lost)));
  const Clock& clock = core.world().clock();
  const TimePoint asked = time_of_owners(clock);
  auto acquiring = lease->store().acquire(lease->name_, lease->owner_, core.settings().lease.ttl);
  const auto granted = co_await acquiring;
  if (!granted) {
    core.world().log(LogLevel::Warn, "the store of leases does not give {}: {}", lease->name_,
                     printable(granted.error().detail()));
    co_return nullptr;
  }
  if (!*granted) co_return nullptr;
  const LeaseGrant& grant = **granted;
  lease->ownership_ =
      std::make_shared<Ownership>(grant.epoch, clock, lease->end_of(asked, grant.ttl));
  const bool is_kept = lease->ownership_->holds() && core.world().spawn(keep(lease));
  if (is_kept) co_return lease;
  auto releasing = lease->release();
  co_await releasing;
  co_return nullptr;
}

Task<void> HeldLease::keep(std::shared_ptr<HeldLease> self) {
  const Duration interval = self->core_.settings().lease.renewal;
  Duration pause = interval;
  for (;;) {
    auto pausing = pause_unless(self->released_, pause);
    const bool goes_on = co_await pausing;
    if (!goes_on || !self->ownership_->holds()) co_return;
    auto renewing = self->renew();
    const bool is_renewed = co_await renewing;
    pause = is_renewed ? interval : interval / 4;
  }
}

Task<bool> HeldLease::renew() {
  const TimePoint asked = time_of_owners(core_.world().clock());
  auto renewing = store().renew(name_, owner_, ownership_->epoch());
  const auto renewed = co_await renewing;
  if (released_.is_set()) co_return false;
  if (!renewed) {
    core_.world().log(LogLevel::Warn, "the lease {} was not renewed: {}", name_,
                      printable(renewed.error().detail()));
    co_return false;
  }
  if (*renewed) co_return ownership_->prolong(end_of(asked, core_.settings().lease.ttl));
  ownership_->end();
  core_.world().log(LogLevel::Warn, "the lease {} is lost", name_);
  lost_();
  co_return false;
}

Task<void> HeldLease::release() {
  released_.set();
  auto releasing = store().release(name_, owner_, ownership_->epoch());
  const auto released = co_await releasing;
  if (!released)
    core_.world().log(LogLevel::Info, "the lease {} was not released: {}", name_,
                      printable(released.error().detail()));
}

}  // namespace coerce::detail
