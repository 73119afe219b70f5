#include "testkit/conformance/lease_checker.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace coerce::testkit::conformance::detail {

namespace {

using Call = LeaseRecord::Call;
using Answer = LeaseRecord::Answer;

/// From a grant to its end: one owner under one epoch.
struct Tenure {
  const LeaseRecord* grant = nullptr;         ///< the first
  std::vector<const LeaseRecord*> prolonged;  ///< grants and renewals, also perhaps
  std::vector<const LeaseRecord*> released;   ///< also perhaps

  const std::string& owner() const { return grant->owner; }
  Epoch epoch() const { return grant->epoch; }

  /// Is it certainly held from the beginning of the call to its end?
  bool held_during(const LeaseRecord& call, Duration slack) const {
    for (const LeaseRecord* release : released)
      if (release->asked_as < call.answered_as) return false;
    return std::any_of(prolonged.begin(), prolonged.end(), [&](const LeaseRecord* record) {
      return record->answer == Answer::Yes && record->answered_as < call.asked_as &&
             call.answered < record->asked + record->ttl - slack && !is_cut(*record, call);
    });
  }
  /// May its owner have acquired again, for less?
  bool is_cut(const LeaseRecord& record, const LeaseRecord& call) const {
    return std::any_of(prolonged.begin(), prolonged.end(), [&](const LeaseRecord* later) {
      return later->call == Call::Acquire && later->asked_as > record.asked_as &&
             later->asked_as < call.answered_as && later->ttl < record.ttl;
    });
  }
  /// Had it certainly ended when the call began?
  bool ended_before(const LeaseRecord& call, Duration slack) const {
    for (const LeaseRecord* release : released)
      if (release->answer == Answer::Yes && release->answered_as < call.asked_as) return true;
    return std::none_of(prolonged.begin(), prolonged.end(), [&](const LeaseRecord* record) {
      return record->asked_as < call.asked_as &&
             record->answered + record->ttl + slack >= call.asked;
    });
  }
};

std::string words(const LeaseRecord& record) {
  constexpr std::string_view kCalls[] = {"acquire", "renew", "release"};
  return fmt::format("{} by {} (epoch {})", kCalls[static_cast<int>(record.call)], record.owner,
                     record.epoch.value);
}

class Judge {
 public:
  Judge(const std::vector<LeaseRecord>& history, Duration slack)
      : history_(history), slack_(slack) {}

  std::optional<std::string> run() {
    if (auto wrong = collect()) return wrong;
    for (const LeaseRecord& record : history_) {
      if (record.answer == Answer::Unknown || record.call == Call::Release) continue;
      auto wrong = record.answer == Answer::No    ? check_no(record)
                   : record.call == Call::Acquire ? check_grant(record)
                                                  : check_renewal(record);
      if (wrong) return wrong;
    }
    return std::nullopt;
  }

 private:
  Tenure* find(const std::string& owner, Epoch epoch) {
    const auto place = std::find_if(tenures_.begin(), tenures_.end(), [&](const Tenure& tenure) {
      return tenure.owner() == owner && tenure.epoch() == epoch;
    });
    return place == tenures_.end() ? nullptr : &*place;
  }

  std::optional<std::string> collect() {
    for (const LeaseRecord& record : history_) {
      if (record.call != Call::Acquire || record.answer != Answer::Yes) continue;
      for (const Tenure& tenure : tenures_)
        if (tenure.epoch() == record.epoch && tenure.owner() != record.owner)
          return fmt::format("epoch {} was granted to {} and to {}", record.epoch.value,
                             tenure.owner(), record.owner);
      if (find(record.owner, record.epoch) == nullptr) tenures_.push_back({&record, {}, {}});
    }
    for (const LeaseRecord& record : history_)
      for (Tenure& tenure : tenures_) add(record, tenure);
    return std::nullopt;
  }

  static void add(const LeaseRecord& record, Tenure& tenure) {
    if (record.owner != tenure.owner()) return;
    const bool is_lost_grant = record.call == Call::Acquire && record.answer == Answer::Unknown;
    if (record.epoch != tenure.epoch() && !is_lost_grant) return;
    if (record.call == Call::Release)
      tenure.released.push_back(&record);
    else if (record.answer != Answer::No)
      tenure.prolonged.push_back(&record);
  }

  std::optional<std::string> check_grant(const LeaseRecord& record) const {
    for (const Tenure& tenure : tenures_) {
      const bool is_same = tenure.owner() == record.owner && tenure.epoch() == record.epoch;
      if (!is_same && tenure.held_during(record, slack_))
        return fmt::format("granted while {} held it under epoch {}: {}", tenure.owner(),
                           tenure.epoch().value, words(record));
      if (tenure.grant->answered_as >= record.asked_as) continue;
      if (record.epoch < tenure.epoch())
        return fmt::format("granted with a lower epoch than the {} before: {}",
                           tenure.epoch().value, words(record));
      if (is_same && tenure.ended_before(record, slack_))
        return fmt::format("granted with the epoch of a lease that had ended: {}", words(record));
    }
    return std::nullopt;
  }

  std::optional<std::string> check_renewal(const LeaseRecord& record) {
    const Tenure* own = find(record.owner, record.epoch);
    if (own == nullptr) return fmt::format("renewed without a grant: {}", words(record));
    if (own->ended_before(record, slack_))
      return fmt::format("renewed after its end: {}", words(record));
    for (const Tenure& tenure : tenures_)
      if (tenure.epoch() > record.epoch && tenure.grant->answered_as < record.asked_as)
        return fmt::format("renewed after {} had been granted epoch {}: {}", tenure.owner(),
                           tenure.epoch().value, words(record));
    return std::nullopt;
  }

  std::optional<std::string> check_no(const LeaseRecord& record) const {
    for (const Tenure& tenure : tenures_) {
      if (tenure.owner() != record.owner) continue;
      if (record.call == Call::Renew && tenure.epoch() != record.epoch) continue;
      if (tenure.held_during(record, slack_))
        return fmt::format("refused while its owner held it: {}", words(record));
    }
    if (record.call == Call::Acquire && !somebody_else_might_hold(record))
      return fmt::format("refused while nobody held it: {}", words(record));
    return std::nullopt;
  }

  bool somebody_else_might_hold(const LeaseRecord& record) const {
    for (const LeaseRecord& other : history_)
      if (other.call == Call::Acquire && other.answer == Answer::Unknown &&
          other.owner != record.owner && other.asked_as < record.answered_as)
        return true;
    return std::any_of(tenures_.begin(), tenures_.end(), [&](const Tenure& tenure) {
      return tenure.owner() != record.owner && tenure.grant->asked_as < record.answered_as &&
             !(tenure.grant->asked_as < record.asked_as && tenure.ended_before(record, slack_));
    });
  }

  const std::vector<LeaseRecord>& history_;
  const Duration slack_;
  std::vector<Tenure> tenures_;
};

}  // namespace

std::optional<std::string> judge(const std::vector<LeaseRecord>& history, Duration slack) {
  return Judge(history, slack).run();
}

}  // namespace coerce::testkit::conformance::detail
