#include "persistence/sqlite_groups.hpp"

#include <algorithm>
#include <cstddef>

namespace coerce::detail {

namespace {

/// So often the others of a transaction are tried again without the one that failed.
constexpr int kMostRedone = 4;
/// So many journals are remembered whose deleted events are to be removed; those of others go with
/// the next deletion.
constexpr std::size_t kMostGarbage = 10'000;

/// Pieces of garbage that one transaction removes.
constexpr int kMostCollected = 10;

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

}  // namespace

JournalGroups::JournalGroups(const std::string& path, const SqliteOptions& options)
    : lock_wait_(options.lock_wait),
      writer_(path, kJournalFormat, file_options(options), options.turn),
      worker_([this](Worker::Group group) { serve(group); },
              {.max_waiting = options.max_waiting, .max_group = options.max_group}) {}

sqlite::FileOptions JournalGroups::file_options(const SqliteOptions& options) noexcept {
  return {.sync = options.durability == SqliteDurability::Full,
          .log_bytes = options.log_bytes,
          .max_file_bytes = options.max_file_bytes};
}

Task<JournalGroups::Answer> JournalGroups::write(What what) {
  Request request{std::move(what), clock_.now()};
  auto answer = co_await worker_.ask(std::move(request));
  if (answer) co_return std::move(*answer);
  if (answer.error() == GroupWorkerErr::Full)
    co_return coerce::unexpected(
        JournalErr(JournalErr::Kind::Unavailable, "too many requests wait for the file"));
  co_return coerce::unexpected(JournalErr(JournalErr::Kind::Unknown, "the writer failed"));
}

void JournalGroups::serve(Worker::Group group) {
  waiting_.assign(group.begin(), group.end());
  redone_ = 0;
  while (!waiting_.empty()) commit_some();
}

/// One transaction, which answers one request at least.
void JournalGroups::commit_some() {
  const auto begun = writer_.begin(waiting_.front()->request.asked + lock_wait_);
  if (!begun) return answer_all(waiting_.size(), begun.error());
  JournalTables& tables = **begun;
  const std::size_t count = perform_some(tables);
  const bool performed = !tables.connection().failed();
  const bool collected = performed && collect_garbage(tables);
  tables.finish();
  auto failure = writer_.end();
  if (failure && !performed) return answer_culprit(count - 1, std::move(*failure));
  if (failure) {
    if (!collected) failure->kind = sqlite::FailureKind::NotDone;
    // Also to who was refused: it had been judged by what is now undone.
    return answer_all(count, *failure);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (answers_[i]) note_garbage(waiting_[i]->request.what);
    waiting_[i]->answer = std::move(answers_[i]);
  }
  answered(count);
}

/// Until the transaction is long or one fails, which is then the last.
std::size_t JournalGroups::perform_some(JournalTables& tables) {
  answers_.clear();
  do {
    answers_.push_back(perform(tables, waiting_[answers_.size()]->request.what));
  } while (!tables.connection().failed() && answers_.size() < waiting_.size() &&
           !writer_.transaction_is_long());
  return answers_.size();
}

void JournalGroups::answered(std::size_t count) {
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
}

void JournalGroups::answer_all(std::size_t count, const sqlite::Failure& failure) {
  for (std::size_t i = 0; i < count; ++i)
    waiting_[i]->answer = coerce::unexpected(journal_err(failure));
  answered(count);
}

/// The transaction was rolled back because of one request. The others are tried again without it:
/// what is wrong with it, its size or the damaged pages it touches, need not concern them.
void JournalGroups::answer_culprit(std::size_t index, sqlite::Failure failure) {
  waiting_[index]->answer = coerce::unexpected(journal_err(failure));
  waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(index));
  if (++redone_ <= kMostRedone) return;
  failure.kind = sqlite::FailureKind::NotDone;
  answer_all(waiting_.size(), failure);
}

JournalGroups::Answer JournalGroups::perform(JournalTables& tables, const What& what) {
  return std::visit(Overloaded{
                        [&](const Open& open) { return tables.open(open.id, open.owner); },
                        [&](const Reopen& reopen) { return tables.reopen(reopen.token); },
                        [&](const Append& append) {
                          return tables.append(append.token, append.expected_head, append.id,
                                               append.entries);
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

void JournalGroups::note_garbage(const What& what) {
  const WriteToken* token = nullptr;
  if (const auto* events = std::get_if<DeleteEvents>(&what)) token = &events->token;
  if (const auto* all = std::get_if<DeleteAll>(&what)) token = &all->token;
  if (token != nullptr && garbage_.size() < kMostGarbage) garbage_.push_back(token->persistence_id);
}

/// False: it failed.
bool JournalGroups::collect_garbage(JournalTables& tables) {
  for (int i = 0; i < kMostCollected && !garbage_.empty() && !writer_.transaction_is_long(); ++i) {
    const bool more = tables.collect_garbage(garbage_.front());
    // What could not be removed stays; it must not fail another transaction.
    if (!more) garbage_.pop_front();
    if (tables.connection().failed()) return false;
  }
  return true;
}

}  // namespace coerce::detail
