/// \file
/// Holds what stands in the journals against the file of transfers and the acks.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coerce/persistence.hpp>

#include "ack_file.hpp"
#include "events.hpp"
#include "transfers.hpp"

namespace bank {

/// What the journals must be like, whenever the bank was killed:
/// - An account is opened first, and once. Its events are numbered without a gap, its balance is
///   never negative. Its snapshot is all of what its events come to, and is settled no further than
///   the mark.
/// - An account has a transfer of the file once at most, as the file says it. No deposit is without
///   its withdrawal, nothing is refused that the account could have paid, or paid besides.
/// - What is acknowledged is in the journals, both sides of it; what lies before the mark is
///   acknowledged.
/// - Balances and withdrawals on their way come to what was paid in when the accounts were opened.
/// Give it every account of the file, one after the other, then finish().
class Audit {
 public:
  /// \pre the ids of the transfers grow
  Audit(std::vector<Transfer> transfers, Acks acks, std::int64_t mark);

  void begin_account(std::string name, std::optional<coerce::JournalEntry> snapshot);
  void event(const coerce::JournalEntry& entry);
  void end_account(std::int64_t head);

  /// With `all_settled` every transfer of the file must be acknowledged and nothing on its way.
  void finish(bool all_settled);

  bool passed() const { return faults_ == 0; }
  /// What was counted, and the first twenty faults.
  const std::string& report() const { return report_; }

 private:
  struct Fate {
    bool withdrawn = false;
    bool refused = false;
    bool deposited = false;
  };

  void movement(std::int64_t transfer, std::int64_t amount, std::string_view type);
  void check_snapshot();
  void check_fate(const Transfer& transfer, const Fate& fate, bool all_settled);
  void fault(std::string what);
  void line(std::string text);

  std::vector<Transfer> transfers_;
  std::vector<Fate> fates_;
  Acks acks_;
  std::int64_t mark_;

  std::string account_{};
  std::optional<coerce::JournalEntry> snapshot_{};
  std::int64_t sequence_ = 0;
  std::int64_t balance_ = 0;
  std::map<std::int64_t, Decision> decisions_{};  ///< of the account so far

  std::size_t accounts_ = 0;
  std::size_t events_ = 0;
  std::size_t carried_out_ = 0;
  std::size_t refused_ = 0;
  std::size_t not_begun_ = 0;
  std::size_t on_their_way_ = 0;
  std::int64_t amount_on_its_way_ = 0;
  std::int64_t paid_in_ = 0;
  std::int64_t balances_ = 0;
  std::size_t faults_ = 0;
  std::string report_{};
};

}  // namespace bank
