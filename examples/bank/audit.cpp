#include "audit.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace bank {

namespace {

constexpr std::size_t max_faults_told = 20;

}  // namespace

Audit::Audit(std::vector<Transfer> transfers, Acks acks, std::int64_t mark)
    : transfers_(std::move(transfers)),
      fates_(transfers_.size()),
      acks_(std::move(acks)),
      mark_(mark) {}

void Audit::begin_account(std::string name, std::optional<coerce::JournalEntry> snapshot) {
  account_ = std::move(name);
  snapshot_ = std::move(snapshot);
  sequence_ = 0;
  balance_ = 0;
  decisions_.clear();
}

void Audit::event(const coerce::JournalEntry& entry) {
  ++events_;
  if (entry.sequence != ++sequence_)
    fault(fmt::format("{}: event {} where {} should be", account_, entry.sequence, sequence_));

  if (entry.payload_type == "Opened") {
    const auto opened = coerce::Codec<Opened>::decode(entry.bytes);
    if (sequence_ != 1) fault(fmt::format("{} is opened again by event {}", account_, sequence_));
    if (!opened) return fault(fmt::format("{}: {}", account_, opened.error().to_string()));
    if (opened->balance != opening_balance)
      fault(fmt::format("{} is opened with {}", account_, opened->balance));
    paid_in_ += opened->balance;
    balance_ += opened->balance;
  } else {
    if (sequence_ == 1) fault(fmt::format("{} is not opened by its first event", account_));
    // The three have the same two numbers.
    const auto moved = coerce::Codec<Deposited>::decode(entry.bytes);
    if (!moved) return fault(fmt::format("{}: {}", account_, moved.error().to_string()));
    movement(moved->transfer, moved->amount, entry.payload_type);
  }
  if (balance_ < 0) fault(fmt::format("{} has {} after event {}", account_, balance_, sequence_));
  if (snapshot_ && snapshot_->sequence == sequence_) check_snapshot();
}

void Audit::movement(std::int64_t id, std::int64_t amount, std::string_view type) {
  const auto place = std::lower_bound(
      transfers_.begin(), transfers_.end(), id,
      [](const Transfer& transfer, std::int64_t key) { return transfer.id < key; });
  const auto what = [&] {
    return fmt::format("{}: {} {} of transfer {}", account_, type, amount, id);
  };
  if (place == transfers_.end() || place->id != id)
    return fault(fmt::format("{}, which is not in the file", what()));
  const bool incoming = type == "Deposited";
  if (place->amount != amount || (incoming ? place->to : place->from) != account_)
    fault(fmt::format("{}, which the file has as {} from {} to {}", what(), place->amount,
                      place->from, place->to));

  Fate& fate = fates_[static_cast<std::size_t>(place - transfers_.begin())];
  bool* done = nullptr;
  auto decision = Decision::Deposited;
  if (incoming) {
    balance_ += amount;
    done = &fate.deposited;
  } else if (type == "Withdrawn") {
    balance_ -= amount;
    done = &fate.withdrawn;
    decision = Decision::Withdrawn;
  } else if (type == "Refused") {
    if (balance_ >= amount) fault(fmt::format("{}, which had {}", what(), balance_));
    done = &fate.refused;
    decision = Decision::Refused;
  } else {
    return fault(fmt::format("{}: an event is a '{}'", account_, type));
  }
  decisions_.emplace(id, decision);
  if (std::exchange(*done, true)) fault(fmt::format("{} a second time", what()));
}

void Audit::check_snapshot() {
  const auto snapshot = *std::exchange(snapshot_, std::nullopt);
  const auto say = [&](std::string_view what) {
    fault(fmt::format("{}: the snapshot of event {} {}", account_, sequence_, what));
  };
  if (snapshot.payload_type != "AccountState")
    return say(fmt::format("is a '{}'", snapshot.payload_type));
  const auto state = coerce::Codec<AccountState>::decode(snapshot.bytes);
  if (!state) return say(state.error().to_string());
  if (state->balance != balance_)
    say(fmt::format("has {}, the events come to {}", state->balance, balance_));
  // Which mark the account had heard of is not in its events.
  if (state->settled < 0 || state->settled > mark_)
    say(fmt::format("is settled up to {}, the mark is at {}", state->settled, mark_));
  const std::map<std::int64_t, Decision> due(decisions_.upper_bound(state->settled),
                                             decisions_.end());
  if (state->recent != due)
    say(fmt::format("knows {} decisions above {}, and not the {} of the events",
                    state->recent.size(), state->settled, due.size()));
}

void Audit::end_account(std::int64_t head) {
  if (sequence_ != head)
    fault(fmt::format("{} has {} events, its journal counts {}", account_, sequence_, head));
  if (snapshot_)
    fault(fmt::format("{}: there is a snapshot of event {}, which there is not", account_,
                      snapshot_->sequence));
  if (sequence_ > 0) ++accounts_;
  balances_ += balance_;
}

void Audit::finish(bool all_settled) {
  for (std::size_t i = 0; i < transfers_.size(); ++i)
    check_fate(transfers_[i], fates_[i], all_settled);
  const auto answered = std::count_if(transfers_.begin(), transfers_.end(),
                                      [&](const Transfer& t) { return acks_.contains(t.id); });
  if (static_cast<std::size_t>(answered) != acks_.size())
    fault(fmt::format("{} acks are of no transfer of the file",
                      acks_.size() - static_cast<std::size_t>(answered)));
  if (balances_ + amount_on_its_way_ != paid_in_)
    fault(fmt::format("{} in the accounts and {} on their way are not the {} that were paid in",
                      balances_, amount_on_its_way_, paid_in_));
  if (faults_ > max_faults_told) line(fmt::format("and {} more faults", faults_ - max_faults_told));

  line(fmt::format("{} accounts with {} events", accounts_, events_));
  line(fmt::format("{} transfers: {} carried out, {} refused, {} on their way, {} not begun",
                   transfers_.size(), carried_out_, refused_, on_their_way_, not_begun_));
  line(fmt::format("{} of them acknowledged, the mark is at {}", acks_.size(), mark_));
  line(fmt::format("{} in the accounts and {} on their way, {} were paid in", balances_,
                   amount_on_its_way_, paid_in_));
  line(passed() ? "the journals are sound" : fmt::format("{} FAULTS", faults_));
}

void Audit::check_fate(const Transfer& transfer, const Fate& fate, bool all_settled) {
  const auto say = [&](std::string_view what) {
    fault(
        fmt::format("transfer {} from {} to {} {}", transfer.id, transfer.from, transfer.to, what));
  };
  if (fate.deposited && !fate.withdrawn) say("is deposited, and not withdrawn");
  if (fate.refused && fate.withdrawn) say("is refused, and withdrawn");

  if (fate.deposited) {
    ++carried_out_;
  } else if (fate.refused) {
    ++refused_;
  } else if (fate.withdrawn) {
    ++on_their_way_;
    amount_on_its_way_ += transfer.amount;
  } else {
    ++not_begun_;
  }

  const auto ack = acks_.find(transfer.id);
  if (ack == acks_.end()) {
    if (transfer.id <= mark_) say("is before the mark, and not acknowledged");
    if (all_settled) say("is not acknowledged");
  } else if (ack->second == "ok") {
    if (!fate.withdrawn || !fate.deposited) say("is acknowledged, and not carried out");
  } else if (!fate.refused) {
    say("is said to be refused, and was not");
  }
}

void Audit::fault(std::string what) {
  if (++faults_ <= max_faults_told) line("FAULT: " + what);
}
void Audit::line(std::string text) { report_ += text + '\n'; }

}  // namespace bank
