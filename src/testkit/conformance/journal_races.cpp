#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>

#include <coerce/runtime/sleep.hpp>

#include "testkit/conformance/journal_checker.hpp"
#include "testkit/conformance/journal_trial.hpp"

namespace coerce::testkit::conformance::detail {

namespace {

using Kind = JournalErr::Kind;
using Outcome = AppendRecord::Outcome;

constexpr int kWriters = 3;
constexpr std::string_view kTag = "raced";

/// What the tasks of one race share.
struct Race {
  explicit Race(JournalTrial which) : trial(std::move(which)) {}

  JournalTrial trial;
  std::vector<Journals> stores;  ///< one for each writer: the same, or another handle
  std::atomic<Moment> moment{0};
  std::atomic<int> writing{kWriters};

  std::mutex mutex;
  JournalHistory history;
  std::set<std::string> acknowledged;
  std::set<std::string> followed;  ///< what read_by_tag gave

  Moment next_moment() noexcept { return ++moment; }
  Journals store_of(int writer) const {
    return stores[static_cast<std::size_t>(writer) % stores.size()];
  }
};

/// Leaves a race, also by a broken promise.
class Writing {
 public:
  explicit Writing(Race& race) : race_(race) {}
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;
  ~Writing() { --race_.writing; }

 private:
  Race& race_;
};

/// Some patience with a store that is not available.
class Patience {
 public:
  void lose(Race& race, const JournalErr& error) {
    constexpr int kMost = 1000;
    if (++lost_ > kMost) race.trial->broken("again and again " + error.to_string());
  }

 private:
  int lost_ = 0;
};

bool is_passing(const JournalErr& error) {
  return error.kind() == Kind::Unknown || error.kind() == Kind::Unavailable;
}

/// Opens, or opens again after an append whose outcome is unknown, which that shuts out.
Task<std::optional<OpenedJournal>> open(std::shared_ptr<Race> race, Journals store,
                                        std::optional<WriteToken> unresolved) {
  OpeningRecord record;
  record.called = race->next_moment();
  auto opening = unresolved ? store->reopen(*unresolved) : store->open("raced for", std::nullopt);
  auto opened = co_await opening;
  record.answered = race->next_moment();
  if (!opened) {
    if (opened.error().kind() != Kind::Fenced && !is_passing(opened.error()))
      race->trial->broken("open in a race: " + opened.error().to_string());
    co_return std::nullopt;
  }
  record.opening = opened->token.instance;
  record.head = opened->head;
  const std::lock_guard guard(race->mutex);
  race->history.openings.push_back(record);
  co_return *opened;
}

Outcome outcome_of(Race& race, const JournalResult<std::int64_t>& result) {
  if (result) return Outcome::Acknowledged;
  switch (result.error().kind()) {
    case Kind::Fenced:
    case Kind::Unavailable:
      return Outcome::NotWritten;
    case Kind::Unknown:
      return Outcome::Unknown;
    case Kind::Conflict:  // of the owner, who knows the head, or else he is Fenced
    case Kind::Corrupt:
    case Kind::Limit:
      break;
  }
  race.trial->broken("append in a race: " + result.error().to_string());
}

std::vector<JournalEntry> draw_batch(Race& race, int writer, std::size_t number) {
  std::vector<JournalEntry> entries;
  const std::uint64_t size = race.trial->rng.below(4);
  for (std::uint64_t i = 0; i < size; ++i)
    entries.push_back(event(fmt::format("w{}-{}-{}", writer, number, i),
                            std::vector<std::string>(1, std::string(kTag))));
  return entries;
}

/// Gives way to the others for a drawn while.
Task<void> dawdle(std::shared_ptr<Race> race) {
  const std::uint64_t turns = race->trial->rng.below(5);
  for (std::uint64_t i = 1; i < turns; ++i) co_await yield();
  if (turns == 0) (void)co_await sleep_for(std::chrono::milliseconds(1));
}

Task<void> write(std::shared_ptr<Race> race, int writer) {
  const Writing writing(*race);
  const Journals store = race->store_of(writer);
  const std::size_t appends = race->trial->options.operations / kWriters;
  std::optional<OpenedJournal> owned;
  std::optional<WriteToken> unresolved;
  std::int64_t head = 0;
  for (std::size_t number = 0; number < appends; ++number) {
    co_await dawdle(race);
    if (!owned) {
      owned = co_await open(race, store, unresolved);
      unresolved.reset();
      if (!owned) continue;
      head = owned->head;
      co_await dawdle(race);
    }
    AppendRecord record;
    auto entries = draw_batch(*race, writer, number);
    for (const JournalEntry& entry : entries) record.texts.emplace_back(text_of(entry.bytes));
    record.opening = owned->token.instance;
    const WriteToken token = owned->token;
    const AppendId append_id = AppendId::draw(race->trial->rng);
    record.called = race->next_moment();
    auto result = co_await store->append(token, head, append_id, std::move(entries));
    record.answered = race->next_moment();
    record.outcome = outcome_of(*race, result);
    const bool not_mine = !result && result.error().kind() == Kind::Fenced;
    if (result) head = record.head = *result;
    if (record.outcome == Outcome::Unknown) unresolved = token;
    if (unresolved || not_mine) owned.reset();
    const std::lock_guard guard(race->mutex);
    if (result) race->acknowledged.insert(record.texts.begin(), record.texts.end());
    race->history.appends.push_back(std::move(record));
  }
}

/// Follows the events by their tag while they are written: what was acknowledged before a call must
/// have come with it.
Task<void> follow(std::shared_ptr<Race> race) {
  const Journals store = race->store_of(0);
  std::set<std::string> seen;
  Patience patience;
  std::uint64_t offset = 0;
  for (bool last = false; !last;) {
    last = race->writing == 0;
    std::unique_lock lock(race->mutex);
    const std::set<std::string> due = race->acknowledged;
    lock.unlock();
    while (true) {
      auto result = co_await store->read_by_tag(std::string(kTag), offset, 30);
      if (!result && is_passing(result.error())) {
        patience.lose(*race, result.error());
        continue;
      }
      const TaggedEntries found = race->trial->must(std::move(result), "read_by_tag in a race");
      for (const TaggedEntry& place : found.entries) {
        const std::string text(text_of(place.entry.bytes));
        if (!seen.insert(text).second)
          race->trial->broken("read_by_tag gave an event twice: " + text);
      }
      offset = found.next_offset;
      if (found.entries.empty()) break;
    }
    for (const std::string& text : due)
      if (!seen.contains(text))
        race->trial->broken("read_by_tag missed an event that was acknowledged: " + text);
    co_await dawdle(race);
  }
  race->followed = std::move(seen);
}

/// Reads the journal as it is in the end, when an opening has shut out what might still come.
Task<void> finish(std::shared_ptr<Race> race) {
  const Journals store = race->store_of(0);
  std::optional<OpenedJournal> opened;
  for (int tries = 0; !opened && tries < 20; ++tries)
    opened = co_await open(race, store, std::nullopt);
  race->trial->check(opened.has_value(), "open did not succeed in the end");
  std::set<std::string> followed = race->followed;
  Patience patience;
  for (std::int64_t next = 1;;) {
    auto result = co_await store->read("raced for", next, opened->head + 1000, kManyBytes);
    if (!result && is_passing(result.error())) {
      patience.lose(*race, result.error());
      continue;
    }
    const auto part = race->trial->must(std::move(result), "read after a race");
    if (part.empty()) break;
    for (const JournalEntry& entry : part) {
      race->trial->check(entry.sequence == next++, "the sequences have a gap");
      race->history.stored.emplace_back(text_of(entry.bytes));
      followed.erase(race->history.stored.back());
    }
  }
  race->trial->check(followed.empty(), "read_by_tag gave an event that is not stored");
  if (const auto wrong = judge(race->history)) race->trial->broken(*wrong);
}

Task<void> run_race(std::shared_ptr<Race> race) {
  std::vector<Task<void>> tasks;
  for (int writer = 0; writer < kWriters; ++writer) tasks.push_back(write(race, writer));
  tasks.push_back(follow(race));
  co_await together(race->trial->system, std::move(tasks));
  co_await finish(race);
}

Task<void> race_on_one_handle(JournalTrial trial) {
  const auto race = std::make_shared<Race>(trial);
  auto store = co_await race->trial.store();
  race->stores.push_back(std::move(store));
  co_await run_race(race);
}

Task<void> race_across_handles(JournalTrial trial) {
  const auto race = std::make_shared<Race>(trial);
  for (int i = 0; i < 2; ++i) {
    auto store = co_await race->trial.store();
    race->stores.push_back(std::move(store));
  }
  co_await run_race(race);
}

}  // namespace

std::vector<Case> race_cases(const JournalStores& stores) {
  std::vector<Case> cases;
  const auto add = [&](std::string promise, Task<void> (*body)(JournalTrial)) {
    cases.push_back(journal_case(stores, std::move(promise), body));
    cases.back().is_random = true;
  };
  add("of writers that race none loses, doubles or tears an append, or writes behind a fence",
      race_on_one_handle);
  if (stores.named)
    add("the same holds for writers that race through handles of their own", race_across_handles);
  return cases;
}

}  // namespace coerce::testkit::conformance::detail
