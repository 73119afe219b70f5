/// \file
/// Leases that live as long as their process.

#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <type_traits>

#include <coerce/coordination/lease_store.hpp>

namespace coerce {

struct InMemoryLeaseOptions {
  LeaseLimits limits{};
  /// [1 000 000] Names that may ever be used: their epochs are kept for ever. More are refused with
  /// Limit.
  std::size_t max_names = 1'000'000;
  /// [that of the system that calls] Must outlive the store.
  const Clock* clock = nullptr;
};
static_assert(std::is_trivially_destructible_v<InMemoryLeaseOptions>);

/// Keeps leases in memory, for tests and for the systems of one process. Whoever shares the object
/// (a std::shared_ptr of it) shares the leases. Never waits; every operation is done when it is
/// begun. Not advisory.
///
/// Time is that of one clock, or, without one, of the system that calls: right for one system, for
/// several on the machine's clock, and in virtual time. It never goes back: of systems whose clocks
/// differ the one that is ahead says how late it is, so that leases end early rather than late.
class InMemoryLeaseStore final : public LeaseStore {
 public:
  explicit InMemoryLeaseStore(const InMemoryLeaseOptions& options = {}) : options_(options) {}

  Task<LeaseResult<std::optional<LeaseGrant>>> acquire(std::string name, std::string owner,
                                                       Duration ttl) override;
  Task<LeaseResult<bool>> renew(std::string name, std::string owner, Epoch epoch) override;
  Task<LeaseResult<void>> release(std::string name, std::string owner, Epoch epoch) override;
  bool advisory() const noexcept override { return false; }

 private:
  struct Lease {
    Epoch epoch{};        ///< the last that was granted; outlives every owner
    std::string owner{};  ///< empty: nobody's
    Duration ttl{};
    TimePoint end{};
  };
  /// The latest moment that any call has seen. \pre mutex_ is held
  TimePoint latest(TimePoint calling);
  /// The lease, if this owner holds it. \pre mutex_ is held
  Lease* held(const std::string& name, const std::string& owner, Epoch epoch, TimePoint now);

  const InMemoryLeaseOptions options_;
  std::mutex mutex_;
  TimePoint latest_{};
  std::map<std::string, Lease> leases_;
};

}  // namespace coerce
