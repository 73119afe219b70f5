#include "persistence/sqlite_groups.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace coerce::detail {

namespace {

/// So often the others of a transaction are tried again without the one that failed.
constexpr int kMostRedone = 4;
/// So many journals are remembered whose deleted events are to be removed; those of others go with
/// the next deletion.
constexpr std::size_t kMostGarbage = 10'000;

/// The share of a turn that removing garbage may take in addition to it, however many requests
/// wait: so much as that deletions keep step with appends.
constexpr int kGarbageShare = 4;

/// What a request lies in was written by another thread, and the row of its journal was used a
/// group ago, so neither is in this core's cache; the writer of a large group would wait for memory
/// in a tenth of its time. So it asks for them so many requests ahead.
constexpr std::size_t kAhead = 8;

const std::string& journal_of(const JournalGroups::What& what) {
  return std::visit(
      [](const auto& one) -> const std::string& {
        if constexpr (requires { one.token; })
          return one.token.persistence_id;
        else
          return one.id;
      },
      what);
}

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

bool deletes_events(const JournalGroups::What& what) {
  return std::holds_alternative<JournalGroups::DeleteEvents>(what) ||
         std::holds_alternative<JournalGroups::DeleteAll>(what);
}

}  // namespace

JournalGroups::JournalGroups(const std::string& path, const SqliteOptions& options)
    : lock_wait_(options.lock_wait),
      garbage_time_(options.turn / kGarbageShare),
      known_(options.max_known_journals),
      writer_(path, kJournalFormat, file_options(options), options.turn),
      worker_([this](Group group) { return serve(group); },
              {.max_waiting = options.max_waiting, .max_group = options.max_group}) {}

sqlite::FileOptions JournalGroups::file_options(const SqliteOptions& options) noexcept {
  return {.sync = options.durability == SqliteDurability::Full,
          .log_bytes = options.log_bytes,
          .max_file_bytes = options.max_file_bytes};
}

Task<JournalGroups::Answer> JournalGroups::write(What what) {
  Request request(std::move(what), clock_.now() + lock_wait_);
  auto answer = co_await worker_.ask(std::move(request));
  if (answer) co_return std::move(*answer);
  if (answer.error() == GroupWorkerErr::Full)
    co_return coerce::unexpected(
        JournalErr(JournalErr::Kind::Unavailable, "too many requests wait for the file"));
  if (answer.error() == GroupWorkerErr::NoThread)
    co_return coerce::unexpected(
        JournalErr(JournalErr::Kind::Unavailable, "the system gives the writer no thread"));
  co_return coerce::unexpected(JournalErr(JournalErr::Kind::Unknown, "the writer failed"));
}

std::size_t JournalGroups::serve(Group group) {
  if (std::exchange(left_, 0) == 0) {
    put_in_order(group);
    redone_ = 0;
  }
  const std::size_t served = commit_some(group);
  left_ = group.size() - served;
  return served;
}

/// By their journals' numbers, as their rows lie in the file: a transaction then changes few pages.
/// Those that are not known come first.
void JournalGroups::put_in_order(Group group) {
  if (group.size() == 1) return;
  in_order_.clear();
  forgettings_ = known_.forgettings();
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (i + kAhead < group.size()) fetch_request(*group[i + kAhead]);
    Worker::Item* const item = group[i];
    JournalRow* const known = known_.find(journal_of(item->request.what));
    item->request.known = known;
    in_order_.push_back({known != nullptr ? known->number : 0, in_order_.size(), item});
  }
  std::ranges::sort(in_order_, {},
                    [](const Place& one) { return std::pair(one.journal, one.came); });
  std::ranges::transform(in_order_, group.begin(), &Place::item);
}

/// One transaction.
std::size_t JournalGroups::commit_some(Group group) {
  const auto first_deadline =
      std::ranges::min(group, {}, [](const Worker::Item* item) { return item->request.deadline; });
  const auto begun = writer_.begin(first_deadline->request.deadline);
  if (!begun) return answer_unbegun(group, begun.error());
  JournalTables& tables = **begun;
  tables.begin(known_);
  const std::size_t count = perform_some(tables, group);
  const bool performed = !tables.connection().failed();
  const bool collected = performed && collect_garbage(tables);
  tables.finish();
  auto failure = writer_.end();
  if (failure && !performed) return answer_culprit(group, count - 1, std::move(*failure));
  if (failure) {
    if (!collected) failure->kind = sqlite::FailureKind::NotDone;
    // Also to who was refused: it had been judged by what is now undone.
    return answer_all(group.first(count), *failure);
  }
  tables.committed();
  note_garbage();
  return count;
}

/// For the processor's cache; see kAhead.
void JournalGroups::fetch_request(const Worker::Item& item) noexcept {
  constexpr std::size_t line = 64;
  const auto* const begin = reinterpret_cast<const char*>(&item);
  for (std::size_t at = 0; at < sizeof item; at += line) __builtin_prefetch(begin + at);
}
void JournalGroups::fetch_events(const Worker::Item& item) noexcept {
  __builtin_prefetch(item.request.known);
  if (const auto* const append = std::get_if<Append>(&item.request.what);
      append != nullptr && !append->events.empty())
    __builtin_prefetch(append->events.front().entry.bytes.data());
}

/// Until the transaction is long or one fails, which is then the last. The answers are given here,
/// but nobody sees them before the transaction has ended, which may change them.
std::size_t JournalGroups::perform_some(JournalTables& tables, Group group) {
  deletions_.clear();
  std::size_t count = 0;
  do {
    if (count + kAhead < group.size()) fetch_events(*group[count + kAhead]);
    Worker::Item& item = *group[count++];
    const Request& request = item.request;
    tables.expect(known_.forgettings() == forgettings_ ? request.known : nullptr);
    item.answer = perform(tables, request.what);
    if (*item.answer && deletes_events(request.what))
      deletions_.push_back(journal_of(request.what));
  } while (!tables.connection().failed() && count < group.size() && !writer_.transaction_is_long());
  return count;
}

std::size_t JournalGroups::answer_all(Group group, const sqlite::Failure& failure) {
  for (Worker::Item* item : group) item->answer = coerce::unexpected(journal_err(failure));
  return group.size();
}

/// There was no transaction. Without the lock, because of another process, those have failed whose
/// own time is over; the others go on waiting.
std::size_t JournalGroups::answer_unbegun(Group group, const sqlite::Failure& failure) {
  if (!sqlite::is_locked(failure)) return answer_all(group, failure);
  const TimePoint now = clock_.now();
  // Not std::stable_partition: with libstdc++ 12 Clang calls it deprecated.
  std::size_t over = 0;
  for (std::size_t i = 0; i < group.size(); ++i)
    if (group[i]->request.deadline <= now)
      std::rotate(group.begin() + static_cast<std::ptrdiff_t>(over++),
                  group.begin() + static_cast<std::ptrdiff_t>(i),
                  group.begin() + static_cast<std::ptrdiff_t>(i + 1));
  // SQLite did not wait: what it sees may not change by waiting.
  return answer_all(over != 0 ? group.first(over) : group, failure);
}

/// The transaction was rolled back because of one request. The others are tried again without it:
/// what is wrong with it, its size or the damaged pages it touches, need not concern them.
std::size_t JournalGroups::answer_culprit(Group group, std::size_t index, sqlite::Failure failure) {
  const auto culprit = group.begin() + static_cast<std::ptrdiff_t>(index);
  std::rotate(group.begin(), culprit, culprit + 1);
  answer_all(group.first(1), failure);
  if (++redone_ <= kMostRedone) return 1;
  failure.kind = sqlite::FailureKind::NotDone;
  return 1 + answer_all(group.subspan(1), failure);
}

JournalGroups::Answer JournalGroups::perform(JournalTables& tables, const What& what) {
  return std::visit(Overloaded{
                        [&](const Open& open) { return tables.open(open.id, open.owner); },
                        [&](const Reopen& reopen) { return tables.reopen(reopen.token); },
                        [&](const Append& append) {
                          return tables.append(append.token, append.expected_head, append.id,
                                               append.events);
                        },
                        [&](const WriteSnapshot& write) {
                          return tables.write_snapshot(write.token, write.snapshot);
                        },
                        [&](const DeleteEvents& events) {
                          return tables.delete_events_to(events.token, events.n);
                        },
                        [&](const DeleteSnapshots& snapshots) {
                          return tables.delete_snapshots_to(snapshots.token, snapshots.n);
                        },
                        [&](const DeleteAll& all) { return tables.delete_all(all.token); },
                    },
                    what);
}

void JournalGroups::note_garbage() {
  for (std::string& journal : deletions_)
    if (garbage_.size() < kMostGarbage && is_garbage_.insert(journal).second)
      garbage_.push_back(std::move(journal));
}

/// Some of it in each transaction, however many requests wait. False: it failed.
bool JournalGroups::collect_garbage(JournalTables& tables) {
  const TimePoint end = clock_.now() + garbage_time_;
  while (!garbage_.empty()) {
    const bool more = tables.collect_garbage(garbage_.front());
    // What could not be removed stays; it must not fail another transaction.
    if (!more) {
      is_garbage_.erase(garbage_.front());
      garbage_.pop_front();
    }
    if (tables.connection().failed()) return false;
    if (clock_.now() >= end) break;
  }
  return true;
}

}  // namespace coerce::detail
