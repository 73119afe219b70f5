#include <limits>

#include "testkit/conformance/journal_trial.hpp"

namespace coerce::testkit::conformance::detail {

namespace {

constexpr auto kMost = std::numeric_limits<std::int64_t>::max();

Task<void> below_n(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer writer(trial, store, "account");
  co_await writer.open();
  (void)co_await writer.append(events("a", "b", "c", "d", "e"));
  struct Step {
    std::int64_t n;
    std::string_view left;
  };
  constexpr Step kSteps[] = {{-5, "1:a 2:b 3:c 4:d 5:e"},
                             {1, "1:a 2:b 3:c 4:d 5:e"},
                             {3, "3:c 4:d 5:e"},
                             {2, "3:c 4:d 5:e"},
                             {5, "5:e"},
                             {6, "none"},
                             {kMost, "none"}};
  for (const Step& step : kSteps) {
    co_await writer.delete_events_to(step.n);
    const auto left = co_await writer.events();
    trial->check(words(left) == step.left, fmt::format("after the deletion below {} there are {}; "
                                                       "{} was due",
                                                       step.n, words(left), step.left));
    const auto head = co_await writer.stored_head();
    trial->check(head == 5, fmt::format("the deletion below {} moved the head", step.n));
  }
  (void)co_await writer.append(events("f"));
  const auto all = co_await writer.events();
  trial->check(words(all) == "6:f", "after all were deleted the next event is " + words(all));
}

/// What outlives a deletion: open must tell it afterwards.
Task<void> expect_kept(JournalTrial& trial, Journals store, Writer& writer, std::int64_t base,
                       std::string_view deletion) {
  const auto head = co_await writer.stored_head();
  trial->check(head == writer.head, fmt::format("{} moved the head to {}", deletion, head));
  const auto lower = co_await store->open(writer.id(), Epoch{writer.opened.token.epoch.value - 1});
  trial->refused(lower, JournalErr::Kind::Fenced,
                 fmt::format("open under a lower epoch after {}", deletion));
  Writer late = writer;
  const auto instance = writer.opened.token.instance;
  co_await writer.open();
  trial->check(writer.head == head, fmt::format("open gives another head after {}", deletion));
  trial->check(writer.opened.token.epoch == late.opened.token.epoch,
               fmt::format("{} forgot the epoch", deletion));
  trial->check(writer.opened.token.instance > instance,
               fmt::format("{} forgot the count of openings", deletion));
  trial->check(writer.opened.last_append == writer.last_append,
               fmt::format("{} forgot the last append", deletion));
  trial->check(writer.opened.base == base, fmt::format("after {} the base is {}; {} was due",
                                                       deletion, writer.opened.base, base));
  co_await late.expect_fenced(fmt::format("of a former opener, after {},", deletion));
}

Task<void> survivors(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer writer(trial, store, "account");
  co_await writer.open(Epoch{6});
  (void)co_await writer.append(events("a", "b", "c", "d"));
  co_await writer.snapshot(2, "two");
  co_await writer.snapshot(4, "four");
  co_await writer.delete_events_to(3);
  co_await expect_kept(trial, store, writer, 0, "a deletion of some events");
  co_await writer.delete_events_to(5);
  co_await expect_kept(trial, store, writer, 0, "a deletion of all events");
  co_await writer.delete_snapshots_to(5);
  co_await expect_kept(trial, store, writer, 0, "a deletion of all snapshots");
  co_await writer.delete_all();
  co_await expect_kept(trial, store, writer, 4, "delete_all");
  co_await writer.delete_all();
  co_await expect_kept(trial, store, writer, 4, "a second delete_all");
  (void)co_await writer.append(events("e"));
  co_await expect_kept(trial, store, writer, 4, "an append after delete_all");
}

Task<void> everything(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer writer(trial, store, "account");
  Writer other(trial, store, "other");
  co_await writer.open();
  co_await other.open();
  (void)co_await writer.append(events("a", "b"));
  (void)co_await other.append(events("x", "y"));
  co_await writer.snapshot(2, "two");
  co_await other.snapshot(2, "other");
  co_await writer.delete_all();
  const auto left = co_await writer.events();
  const auto snapshot = co_await writer.latest_snapshot();
  trial->check(left.empty() && snapshot == "none", "delete_all left something");
  (void)co_await writer.append(events("c"));
  const auto all = co_await writer.events();
  trial->check(words(all) == "3:c", "after delete_all the next event is " + words(all));
  const auto kept = co_await other.events();
  const auto kept_snapshot = co_await other.latest_snapshot();
  trial->check(words(kept) == "1:x 2:y" && kept_snapshot == "2 other",
               "delete_all of one journal touched another");
}

Task<void> snapshots_apart(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer writer(trial, store, "account");
  co_await writer.open();
  (void)co_await writer.append(events("a", "b", "c"));
  co_await writer.snapshot(2, "two");
  co_await writer.delete_events_to(4);
  const auto snapshot = co_await writer.latest_snapshot();
  trial->check(snapshot == "2 two", "a deletion of events left the snapshot " + snapshot);
  (void)co_await writer.append(events("d"));
  co_await writer.delete_snapshots_to(kMost);
  const auto all = co_await writer.events();
  trial->check(words(all) == "4:d", "a deletion of snapshots left the events " + words(all));
}

// ---- snapshots ----------------------------------------------------------------------------------

Task<void> latest(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer writer(trial, store, "account");
  co_await writer.open();
  (void)co_await writer.append(events("a", "b", "c"));
  const auto expect = [&](const std::string& found, std::string_view due) {
    trial->check(found == due, fmt::format("the latest snapshot is {}; {} was due", found, due));
  };
  expect(co_await writer.latest_snapshot(), "none");
  co_await writer.snapshot(1, "one");
  expect(co_await writer.latest_snapshot(), "1 one");
  co_await writer.snapshot(3, "three");
  expect(co_await writer.latest_snapshot(), "3 three");
  co_await writer.snapshot(2, "two");
  expect(co_await writer.latest_snapshot(), "3 three");
  co_await writer.snapshot(3, "again");
  expect(co_await writer.latest_snapshot(), "3 again");
  co_await writer.snapshot(0, "zero");
  expect(co_await writer.latest_snapshot(), "3 again");
}

Task<void> deletion_of_snapshots(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer writer(trial, store, "account");
  co_await writer.open();
  (void)co_await writer.append(events("a", "b", "c"));
  for (const std::int64_t sequence : {0, 1, 2, 3}) co_await writer.snapshot(sequence, "s");
  co_await writer.delete_snapshots_to(3);
  const auto highest = co_await writer.latest_snapshot();
  trial->check(highest == "3 s", "the deletion below 3 left " + highest);
  co_await writer.delete_snapshots_to(4);
  const auto none = co_await writer.latest_snapshot();
  trial->check(none == "none", "the deletion below 4 left " + none);
  co_await writer.snapshot(0, "zero");
  co_await writer.delete_snapshots_to(0);
  const auto zero = co_await writer.latest_snapshot();
  trial->check(zero == "0 zero", "the deletion below 0 left " + zero);
}

Task<void> beyond_the_head(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer writer(trial, store, "account");
  co_await writer.open();
  for (const std::int64_t sequence : {1, -1}) {
    const auto result = co_await writer.try_snapshot(sequence, "x");
    trial->refused(result, JournalErr::Kind::Conflict, "a snapshot of an empty journal");
  }
  co_await writer.snapshot(0, "nothing yet");
  (void)co_await writer.append(events("a", "b"));
  for (const std::int64_t sequence : {std::int64_t{3}, std::int64_t{-1}, kMost}) {
    const auto result = co_await writer.try_snapshot(sequence, "x");
    trial->refused(result, JournalErr::Kind::Conflict,
                   fmt::format("a snapshot of {} at the head 2", sequence));
  }
  const auto left = co_await writer.latest_snapshot();
  trial->check(left == "0 nothing yet", "a refused snapshot left " + left);
}

}  // namespace

std::vector<Case> deletion_cases(const JournalStores& stores) {
  std::vector<Case> cases;
  const auto add = [&](std::string promise, Task<void> (*body)(JournalTrial)) {
    cases.push_back(journal_case(stores, std::move(promise), body));
  };
  add("delete_events_to(n) deletes the events below n and no other", below_n);
  add("head, epoch, count of openings and last append outlive every deletion", survivors);
  add("delete_all deletes all of one journal, and its numbering goes on", everything);
  add("events and snapshots are deleted apart", snapshots_apart);
  return cases;
}

std::vector<Case> snapshot_cases(const JournalStores& stores) {
  std::vector<Case> cases;
  const auto add = [&](std::string promise, Task<void> (*body)(JournalTrial)) {
    cases.push_back(journal_case(stores, std::move(promise), body));
  };
  add("the snapshot with the highest sequence is read, the last one written of it", latest);
  add("delete_snapshots_to(n) deletes the snapshots below n and no other", deletion_of_snapshots);
  add("a snapshot that is not between 0 and the head is a Conflict", beyond_the_head);
  return cases;
}

}  // namespace coerce::testkit::conformance::detail
