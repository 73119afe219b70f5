#include "testkit/conformance/journal_trial.hpp"

namespace coerce::testkit::conformance::detail {

namespace {

constexpr auto kFenced = JournalErr::Kind::Fenced;

Task<void> kept(JournalTrial trial) {
  auto store = co_await trial.store();
  Writer before(trial, store, "account");
  co_await before.open(Epoch{4});
  (void)co_await before.append(events("a", "b", "c"));
  (void)co_await before.append(tagged("d", "red"));
  co_await before.snapshot(3, "three");
  co_await before.delete_events_to(2);
  auto found = co_await store->read_by_tag("red", 0, kManyBytes);
  const auto places = trial->must(std::move(found), "read_by_tag");

  store = co_await trial.store();
  Writer after(trial, store, "account");
  const auto head = co_await after.stored_head();
  const auto left = co_await after.events();
  const auto snapshot = co_await after.latest_snapshot();
  trial->check(
      head == 4 && words(left) == "2:b 3:c 4:d" && snapshot == "3 three",
      fmt::format("after a restart: events {}; snapshot {}; head {}", words(left), snapshot, head));
  auto again = co_await store->read_by_tag("red", 0, kManyBytes);
  const auto same = trial->must(std::move(again), "read_by_tag");
  trial->check(same.entries.size() == 1 && places.entries.size() == 1 &&
                   same.entries[0].offset == places.entries[0].offset,
               "after a restart the event is not where it was by its tag");
  const auto lower = co_await store->open("account", Epoch{3});
  trial->refused(lower, kFenced, "open under a lower epoch after a restart");
  co_await after.open();
  trial->check(after.opened.token.epoch == Epoch{4}, "a restart forgot the epoch");
  trial->check(after.opened.token.instance > before.opened.token.instance,
               "a restart forgot the count of openings");
  trial->check(after.opened.last_append == before.last_append, "a restart forgot the last append");
  (void)co_await after.append(tagged("e", "red"));
  auto later = co_await store->read_by_tag("red", places.next_offset, kManyBytes);
  const auto next = trial->must(std::move(later), "read_by_tag");
  trial->check(next.entries.size() == 1 && next.entries[0].entry.sequence == 5,
               "an event that was appended after a restart does not come behind next_offset");
}

Task<void> deletions_kept(JournalTrial trial) {
  auto store = co_await trial.store();
  Writer before(trial, store, "account");
  co_await before.open(Epoch{4});
  (void)co_await before.append(tagged("a", "red"));
  co_await before.snapshot(1, "one");
  auto found = co_await store->read_by_tag("red", 0, kManyBytes);
  const auto places = trial->must(std::move(found), "read_by_tag");
  co_await before.delete_all();

  store = co_await trial.store();
  Writer after(trial, store, "account");
  const auto lower = co_await store->open("account", Epoch{3});
  trial->refused(lower, kFenced, "open under a lower epoch after delete_all and a restart");
  co_await after.open();
  trial->check(after.head == 1 && after.opened.base == 1, "a restart forgot head or base");
  trial->check(after.opened.last_append == before.last_append, "a restart forgot the last append");
  const auto left = co_await after.events();
  const auto snapshot = co_await after.latest_snapshot();
  trial->check(left.empty() && snapshot == "none", "what was deleted is back after a restart");
  (void)co_await after.append(tagged("b", "red"));
  auto later = co_await store->read_by_tag("red", places.next_offset, kManyBytes);
  const auto next = trial->must(std::move(later), "read_by_tag");
  trial->check(next.entries.size() == 1, "an offset was given twice, before and after a restart");
}

Task<void> tokens_kept(JournalTrial trial) {
  auto store = co_await trial.store();
  Writer old_owner(trial, store, "account");
  Writer owner(trial, store, "account");
  co_await old_owner.open(Epoch{1});
  co_await owner.open(Epoch{2});
  (void)co_await owner.append(events("a"));
  store = co_await trial.store();
  Writer owner_after(trial, store, "account");
  owner_after.opened = owner.opened;
  owner_after.head = owner.head;
  Writer old_after(trial, store, "account");
  old_after.opened = old_owner.opened;
  co_await old_after.expect_fenced("of the old owner, after a restart,");
  (void)co_await owner_after.append(events("b"));
}

Task<void> two_handles(JournalTrial trial) {
  const auto first = co_await trial.store();
  Writer old_owner(trial, first, "account");
  co_await old_owner.open(Epoch{1});
  (void)co_await old_owner.append(tagged("a", "red"));
  const auto second = co_await trial.store();
  Writer owner(trial, second, "account");
  co_await owner.open(Epoch{2});
  trial->check(owner.head == 1, "a second handle does not see the head");
  co_await old_owner.expect_fenced("of the old owner, at another handle,");
  (void)co_await owner.append(tagged("b", "red"));
  co_await old_owner.expect_fenced("of the old owner, at another handle, after a write,");
  const auto all = co_await old_owner.events();
  trial->check(words(all) == "1:a 2:b", "a first handle sees " + words(all));
  Writer other(trial, first, "other");
  co_await other.open();
  (void)co_await other.append(tagged("x", "red"));
  (void)co_await owner.append(tagged("c", "red"));
  auto found = co_await second->read_by_tag("red", 0, kManyBytes);
  const auto places = trial->must(std::move(found), "read_by_tag");
  std::string order;
  for (const TaggedEntry& place : places.entries) order += text_of(place.entry.bytes);
  trial->check(order == "abxc", "across handles the order by tag is " + order);
}

}  // namespace

std::vector<Case> restart_cases(const JournalStores& stores) {
  std::vector<Case> cases;
  const auto add = [&](std::string promise, Task<void> (*body)(JournalTrial)) {
    cases.push_back(journal_case(stores, std::move(promise), body));
  };
  if (!stores.named) return cases;
  add("everything outlives a restart of the store", kept);
  add("deletions outlive a restart, and what outlives deletions does", deletions_kept);
  add("a restart of the store changes no ownership", tokens_kept);
  add("ownership holds across all handles to one store", two_handles);
  return cases;
}

}  // namespace coerce::testkit::conformance::detail
