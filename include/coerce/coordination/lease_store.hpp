/// \file
/// Leases: who may try to own something, for a limited time.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <coerce/actor/epoch.hpp>
#include <coerce/actor/error.hpp>
#include <coerce/runtime/clock.hpp>
#include <coerce/runtime/task.hpp>

namespace coerce {

enum class LeaseErrKind : std::uint8_t {
  Unavailable,  ///< the store did not do it, or did not say: assume that you do not hold
  Corrupt,      ///< what is stored cannot be read
  Limit,        ///< a name, an owner or a time to live is out of bounds
};

std::string_view to_string(LeaseErrKind kind) noexcept;

/// Why a lease store gave no answer.
class [[nodiscard]] LeaseErr {
 public:
  using Kind = LeaseErrKind;

  explicit LeaseErr(Kind kind, std::string detail = {}) : kind_(kind), detail_(std::move(detail)) {}
  Kind kind() const noexcept { return kind_; }
  const std::string& detail() const noexcept { return detail_; }
  std::string to_string() const;

  friend bool operator==(const LeaseErr&, const LeaseErr&) = default;

 private:
  Kind kind_;
  std::string detail_;
};

template <class T>
using LeaseResult = Result<T, LeaseErr>;

/// A lease that is held.
struct LeaseGrant {
  Epoch epoch;
  Duration ttl;
};

/// What every store takes; beyond it an operation gets LeaseErr::Limit.
struct LeaseLimits {
  std::size_t max_name_bytes = 1024;  ///< of a name and of an owner; neither may be empty
  Duration min_ttl = std::chrono::milliseconds(10);
  Duration max_ttl = std::chrono::hours(24);
};

/// Says who may try to own what a name stands for: at most one owner a name whose lease has not
/// run out, with an epoch that grows with every grant to another owner and after every expiry or
/// release, for ever, whatever happens to the store's process.
///
/// An owner's text is unique to one incarnation of it: two that share it share the lease. A failed
/// call means *unknown*: assume that you do not hold. The holder takes the time before it asks, and
/// stops itself at `asked + ttl - margin`, even if the store is silent. Safety never comes from a
/// lease; it comes from whoever checks its epoch.
///
/// Implementations are thread-safe. Every call ends: by the store's answer or by its deadline.
class LeaseStore {
 public:
  LeaseStore() = default;
  LeaseStore(const LeaseStore&) = delete;
  LeaseStore& operator=(const LeaseStore&) = delete;
  virtual ~LeaseStore() = default;

  /// Takes the lease if it is free, has run out, or is `owner`'s already (which keeps its epoch and
  /// begins its time anew). nullopt: certainly somebody else's. A grant is given only once it is
  /// stored so that a restart of the store does not lose it.
  virtual Task<LeaseResult<std::optional<LeaseGrant>>> acquire(std::string name, std::string owner,
                                                               Duration ttl) = 0;
  /// Begins the time of the lease anew, for as long as it was acquired for. False: certainly lost,
  /// also when it has run out and nobody has taken it.
  virtual Task<LeaseResult<bool>> renew(std::string name, std::string owner, Epoch epoch) = 0;
  /// Gives the lease up; no error if it is not held.
  virtual Task<LeaseResult<void>> release(std::string name, std::string owner, Epoch epoch) = 0;
  /// May a failure of the store's own (a lost disk, a fail-over) break the promise above?
  virtual bool advisory() const noexcept = 0;
};

}  // namespace coerce
