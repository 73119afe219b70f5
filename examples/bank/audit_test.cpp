// The audit finds each fault that it is there for. Prints what it missed; the exit code says if it
// did.

#include "audit.hpp"

#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "events.hpp"

namespace {

using bank::Acks;
using bank::Audit;
using bank::Transfer;

using Event = coerce::JournalEntry;

template <class T>
Event written(std::string_view type, const T& value) {
  Event entry;
  entry.payload_type = type;
  if (!coerce::Codec<T>::encode(value, entry.bytes)) std::abort();
  return entry;
}
Event opened(std::int64_t balance) { return written("Opened", bank::Opened{balance}); }
Event withdrawn(std::int64_t id, std::int64_t amount) {
  return written("Withdrawn", bank::Withdrawn{id, amount});
}
Event refused(std::int64_t id, std::int64_t amount) {
  return written("Refused", bank::Refused{id, amount});
}
Event deposited(std::int64_t id, std::int64_t amount) {
  return written("Deposited", bank::Deposited{id, amount});
}
using Recent = std::map<std::int64_t, bank::Decision>;
Event snapshot_of(std::int64_t balance, std::int64_t settled = 0,
                  Recent recent = {{1, bank::Decision::Deposited}}) {
  return written("AccountState",
                 bank::AccountState{.balance = balance, .settled = settled, .recent = recent});
}

Event numbered(Event entry, std::int64_t sequence) {
  entry.sequence = sequence;
  return entry;
}

/// Three transfers: 1 carried out, 2 refused, 3 on its way. Tests change it before they audit it.
struct Bank {
  std::vector<Transfer> file{
      {1, "ada", "leon", 400}, {2, "ada", "leon", 700}, {3, "leon", "ada", 50}};
  std::vector<Event> ada{opened(1000), withdrawn(1, 400), refused(2, 700)};
  std::vector<Event> leon{opened(1000), deposited(1, 400), withdrawn(3, 50)};
  std::vector<std::int64_t> numbers{1, 2, 3};  ///< of the events of both
  std::int64_t head = 3;                       ///< that both journals tell
  Event snapshot = snapshot_of(1400);
  std::int64_t snapshot_at = 2;  ///< of leon
  Acks acks{{1, "ok"}, {2, "refused"}};
  std::int64_t mark = 2;
  bool all_settled = false;

  Audit audit() const {
    Audit audit(file, acks, mark);
    audit.begin_account("ada", std::nullopt);
    for (std::size_t i = 0; i < ada.size(); ++i) audit.event(numbered(ada[i], numbers.at(i)));
    audit.end_account(head);
    audit.begin_account("leon", numbered(snapshot, snapshot_at));
    for (std::size_t i = 0; i < leon.size(); ++i) audit.event(numbered(leon[i], numbers.at(i)));
    audit.end_account(head);
    audit.finish(all_settled);
    return audit;
  }
};

int missed = 0;

void expect_sound(std::string_view what, const Bank& bank) {
  const Audit audit = bank.audit();
  if (audit.passed()) return;
  fmt::print("{}: should be sound, and is:\n{}", what, audit.report());
  ++missed;
}

void expect_fault(std::string_view fault, const Bank& bank) {
  const Audit audit = bank.audit();
  if (!audit.passed() && audit.report().find(fault) != std::string::npos) return;
  fmt::print("not found: {}, but:\n{}", fault, audit.report());
  ++missed;
}

/// A bank with one thing changed.
template <class F>
Bank with(F change) {
  Bank bank;
  change(bank);
  return bank;
}

void accounts() {
  expect_fault("event 4 where 3 should be", with([](Bank& b) { b.numbers = {1, 2, 4}; }));
  expect_fault("has 3 events, its journal counts 4", with([](Bank& b) { b.head = 4; }));
  expect_fault("is opened with 1001", with([](Bank& b) { b.ada[0] = opened(1001); }));
  expect_fault("is opened again", with([](Bank& b) { b.ada[2] = opened(1000); }));
  expect_fault("is not opened by its first event",
               with([](Bank& b) { std::swap(b.ada[0], b.ada[1]); }));
  expect_fault("an event is a 'Stolen'", with([](Bank& b) { b.ada[2].payload_type = "Stolen"; }));
  expect_fault("ada: Deserialisation", with([](Bank& b) { b.ada[2].bytes.pop_back(); }));
  expect_fault("ada has -400 after event 2", with([](Bank& b) {
                 b.file[0].amount = 1400;
                 b.ada[1] = withdrawn(1, 1400);
               }));
  expect_fault("the snapshot of event 2 has 1300, the events come to 1400",
               with([](Bank& b) { b.snapshot = snapshot_of(1300); }));
  expect_fault("the snapshot of event 2 is a 'State'",
               with([](Bank& b) { b.snapshot.payload_type = "State"; }));
  expect_fault("the snapshot of event 2 Deserialisation",
               with([](Bank& b) { b.snapshot.bytes.pop_back(); }));
  expect_fault("is settled up to 3, the mark is at 2",
               with([](Bank& b) { b.snapshot = snapshot_of(1400, 3, {}); }));
  expect_fault("is settled up to -1", with([](Bank& b) { b.snapshot = snapshot_of(1400, -1); }));
  const std::string_view wrong_decisions = "and not the 1 of the events";
  expect_fault(wrong_decisions, with([](Bank& b) { b.snapshot = snapshot_of(1400, 0, {}); }));
  expect_fault(wrong_decisions, with([](Bank& b) {
                 b.snapshot = snapshot_of(1400, 0, {{1, bank::Decision::Withdrawn}});
               }));
  expect_fault("knows 1 decisions above 1, and not the 0 of the events",
               with([](Bank& b) { b.snapshot = snapshot_of(1400, 1); }));
  expect_fault("there is a snapshot of event 9", with([](Bank& b) { b.snapshot_at = 9; }));
}

void transfers() {
  expect_fault("leon: Deposited 400 of transfer 1 a second time",
               with([](Bank& b) { b.leon[2] = deposited(1, 400); }));
  expect_fault("ada: Withdrawn 400 of transfer 1 a second time",
               with([](Bank& b) { b.ada[2] = withdrawn(1, 400); }));
  expect_fault("which is not in the file", with([](Bank& b) { b.leon[2] = withdrawn(4, 50); }));
  expect_fault("which the file has as 50 from leon to ada",
               with([](Bank& b) { b.leon[2] = withdrawn(3, 51); }));
  expect_fault("which the file has as 400 from ada to leon",
               with([](Bank& b) { b.ada[2] = deposited(1, 400); }));
  expect_fault("transfer 1 from ada to leon is deposited, and not withdrawn",
               with([](Bank& b) { b.ada[1] = refused(2, 700); }));
  expect_fault("transfer 1 from ada to leon is refused, and withdrawn",
               with([](Bank& b) { b.ada[2] = refused(1, 400); }));
  expect_fault("Refused 600 of transfer 2, which had 600", with([](Bank& b) {
                 b.file[1].amount = 600;
                 b.ada[2] = refused(2, 600);
               }));
  expect_fault("2400 in the accounts and 0 on their way are not the 2000",
               with([](Bank& b) { b.leon[2] = deposited(1, 400); }));
}

void acknowledgements() {
  expect_fault("transfer 3 from leon to ada is acknowledged, and not carried out",
               with([](Bank& b) { b.acks[3] = "ok"; }));
  expect_fault("transfer 2 from ada to leon is acknowledged, and not carried out",
               with([](Bank& b) { b.acks[2] = "ok"; }));
  expect_fault("transfer 1 from ada to leon is said to be refused, and was not",
               with([](Bank& b) { b.acks[1] = "refused"; }));
  expect_fault("transfer 3 from leon to ada is before the mark", with([](Bank& b) { b.mark = 3; }));
  expect_fault("transfer 3 from leon to ada is not acknowledged",
               with([](Bank& b) { b.all_settled = true; }));
  expect_fault("1 acks are of no transfer", with([](Bank& b) { b.acks[7] = "ok"; }));
}

}  // namespace

int main() {
  expect_sound("the bank", Bank());
  expect_sound("one that has begun nothing", with([](Bank& b) {
                 b.ada.resize(1);
                 b.leon.resize(1);
                 b.head = 1;
                 b.snapshot_at = 1;
                 b.snapshot = snapshot_of(1000, 0, {});
                 b.acks.clear();
                 b.mark = 0;
               }));
  expect_sound("a snapshot that has forgotten what is settled",
               with([](Bank& b) { b.snapshot = snapshot_of(1400, 1, {}); }));
  accounts();
  transfers();
  acknowledgements();
  return missed == 0 ? 0 : 1;
}
