#include <limits>

#include "testkit/conformance/journal_trial.hpp"

namespace coerce::testkit::conformance::detail {

namespace {

constexpr auto kFenced = JournalErr::Kind::Fenced;

/// A journal with something of everything.
Task<void> fill(Writer& writer) {
  (void)co_await writer.append(events("a", "b", "c"));
  co_await writer.snapshot(2, "two");
}

Task<void> shut_out(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer old_owner(trial, store, "account");
  co_await old_owner.open(Epoch{1});
  co_await fill(old_owner);
  Writer owner(trial, store, "account");
  co_await owner.open(Epoch{2});
  trial->check(owner.head == 3, "open gave another head");
  co_await old_owner.expect_fenced("of the old owner, before the new one's first write,");
  (void)co_await owner.append(events("d"));
  co_await old_owner.expect_fenced("of the old owner, after the new one's first write,");
  old_owner.head = owner.head;
  co_await old_owner.expect_fenced("of the old owner, who knows the head,");
  const auto all = co_await owner.events();
  trial->check(words(all) == "1:a 2:b 3:c 4:d", "the journal is " + words(all));
}

Task<void> latest_opener(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer first(trial, store, "account");
  Writer second(trial, store, "account");
  co_await first.open(Epoch{7});
  co_await fill(first);
  co_await second.open(Epoch{7});
  trial->check(second.opened.token.instance > first.opened.token.instance,
               "the count of openings did not grow");
  co_await first.expect_fenced("of the former opener of the same epoch");
  (void)co_await second.append(events("d"));
  co_await first.open();
  trial->check(first.opened.token.epoch == Epoch{7}, "open() without an epoch changed it");
  co_await second.expect_fenced("of the former opener, who had been the latest,");
  (void)co_await first.append(events("e"));
}

Task<void> higher_epoch(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer owner(trial, store, "account");
  co_await owner.open(Epoch{5});
  co_await fill(owner);
  Writer lower(trial, store, "account");
  for (const std::uint64_t epoch : {0u, 4u}) {
    const auto result = co_await store->open("account", Epoch{epoch});
    trial->refused(result, kFenced, "open under an epoch below the stored one");
  }
  // A refused open has changed nothing.
  (void)co_await owner.append(events("d"));
  co_await lower.open();
  trial->check(lower.opened.token.epoch == Epoch{5}, "open() without an epoch is not the stored");
  const auto still = co_await store->open("account", Epoch{4});
  trial->refused(still, kFenced, "open under an epoch below the stored one");
}

Task<void> stored_at_once(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer owner(trial, store, "account");
  co_await owner.open(Epoch{3});
  // Nothing was written under 3.
  const auto lower = co_await store->open("account", Epoch{2});
  trial->refused(lower, kFenced, "open under a lower epoch, when nothing has been written yet,");
  co_await owner.delete_all();
  const auto later = co_await store->open("account", Epoch{2});
  trial->refused(later, kFenced, "open under a lower epoch, when everything has been deleted,");
}

Task<void> large_epochs(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer writer(trial, store, "account");
  constexpr std::uint64_t kTop = std::uint64_t{1} << 63;
  constexpr std::uint64_t kExact = std::uint64_t{1} << 53;
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t before = 0;
  for (const std::uint64_t epoch : {kExact, kExact + 1, kTop - 1, kTop, kTop + 1, kMost}) {
    co_await writer.open(Epoch{epoch});
    (void)co_await writer.append(events("x"));
    const auto lower = co_await store->open("account", Epoch{before});
    trial->refused(lower, kFenced, fmt::format("open as {} after {}", before, epoch));
    before = epoch;
  }
}

Task<void> reopening(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer writer(trial, store, "account");
  co_await writer.open(Epoch{2});
  co_await fill(writer);
  Writer late = writer;
  auto result = co_await store->reopen(late.opened.token);
  writer.opened = trial->must(std::move(result), "reopen by the owner");
  trial->check(writer.opened.token.epoch == Epoch{2}, "reopen changed the epoch");
  trial->check(writer.opened.token.instance > late.opened.token.instance,
               "reopen did not count as an opening");
  trial->check(writer.opened.head == 3, "reopen gave another head");
  trial->check(writer.opened.last_append == writer.last_append, "reopen gave another last append");
  co_await late.expect_fenced("with a token that was opened again");
  (void)co_await writer.append(events("d"));
}

Task<void> invented_tokens(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer owner(trial, store, "account");
  co_await owner.open(Epoch{4});
  co_await fill(owner);
  Writer forger = owner;
  forger.opened.token.instance += 1;
  co_await forger.expect_fenced("with a token of an opening that has not been");
  forger.opened.token = owner.opened.token;
  forger.opened.token.epoch = Epoch{9};
  co_await forger.expect_fenced("with a token of a higher epoch that never opened");
  forger.opened.token.epoch = Epoch{3};
  co_await forger.expect_fenced("with a token of a lower epoch");
  Writer stranger(trial, store, "never opened");
  stranger.opened.token = owner.opened.token;
  stranger.opened.token.persistence_id = "never opened";
  co_await stranger.expect_fenced("of a journal that was never opened");
  stranger.opened.token.instance = 0;
  stranger.opened.token.epoch = Epoch{0};
  co_await stranger.expect_fenced("with the empty token of a journal that was never opened");
  (void)co_await owner.append(events("d"));
}

Task<void> independent(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer first(trial, store, "1");
  Writer second(trial, store, "2");
  co_await first.open(Epoch{1});
  co_await second.open(Epoch{9});
  co_await second.open(Epoch{9});
  (void)co_await first.append(events("a"));
  co_await first.open(Epoch{1});
  (void)co_await first.append(events("b"));
}

}  // namespace

std::vector<Case> ownership_cases(const JournalStores& stores) {
  std::vector<Case> cases;
  const auto add = [&](std::string promise, Task<void> (*body)(JournalTrial)) {
    cases.push_back(journal_case(stores, std::move(promise), body));
  };
  add("from a new open on, whatever the old owner does is Fenced", shut_out);
  add("under equal epochs the latest opener wins", latest_opener);
  add("open under an epoch below the stored one is Fenced and changes nothing", higher_epoch);
  add("open stores its epoch at once", stored_at_once);
  add("epochs are compared in all their 64 bits", large_epochs);
  add("reopen shuts out what was sent with the token before", reopening);
  add("a token that is not the journal's current one is Fenced", invented_tokens);
  add("epochs and openings of one journal do not touch another", independent);
  return cases;
}

}  // namespace coerce::testkit::conformance::detail
