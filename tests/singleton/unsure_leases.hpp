/// \file
/// Leases whose store cannot always be reached.

#pragma once

#include <coerce/coordination/in_memory.hpp>

#include <charconv>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include <coerce/actor/node_id.hpp>

namespace coerce::test {

/// Of one simulation. Owners begin with the id of their node.
class UnsureLeases final : public LeaseStore {
 public:
  std::set<NodeId> cut_off;  ///< these do not reach it
  bool loses_releases = false;
  bool loses_answers = false;  ///< what was asked is done all the same

  Task<LeaseResult<std::optional<LeaseGrant>>> acquire(std::string name, std::string owner,
                                                       Duration ttl) override {
    if (is_cut_off(owner)) co_return coerce::unexpected(silence());
    auto asking = leases_.acquire(std::move(name), std::move(owner), ttl);
    auto granted = co_await asking;
    if (loses_answers) co_return coerce::unexpected(silence());
    co_return granted;
  }
  Task<LeaseResult<bool>> renew(std::string name, std::string owner, Epoch epoch) override {
    if (is_cut_off(owner)) co_return coerce::unexpected(silence());
    auto asking = leases_.renew(std::move(name), std::move(owner), epoch);
    auto renewed = co_await asking;
    if (loses_answers) co_return coerce::unexpected(silence());
    co_return renewed;
  }
  Task<LeaseResult<void>> release(std::string name, std::string owner, Epoch epoch) override {
    if (loses_releases || is_cut_off(owner)) co_return coerce::unexpected(silence());
    auto asking = leases_.release(std::move(name), std::move(owner), epoch);
    auto released = co_await asking;
    co_return released;
  }
  bool advisory() const noexcept override { return false; }

 private:
  static LeaseErr silence() { return LeaseErr(LeaseErrKind::Unavailable, "no answer"); }
  bool is_cut_off(const std::string& owner) const {
    NodeId id = 0;
    std::from_chars(owner.data(), owner.data() + owner.size(), id);
    return cut_off.contains(id);
  }

  InMemoryLeaseStore leases_;
};

}  // namespace coerce::test
