#include <coerce/persistence/detail/journal_session.hpp>

#include <fmt/format.h>

#include <coerce/actor/detail/ownership.hpp>
#include <coerce/actor/log.hpp>
#include <coerce/actor/system.hpp>
#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>

#include "actor/planted.hpp"
#include "persistence/stopping.hpp"

namespace coerce::detail {

using Kind = JournalErr::Kind;

namespace {

constexpr const char* kCutOff = "the limit of the handler passed before it was written";

}  // namespace

JournalSession::JournalSession(std::shared_ptr<JournalStorage> storage, std::string persistence_id)
    : storage_(std::move(storage)), id_(std::move(persistence_id)) {}

std::optional<std::int64_t> JournalSession::snapshot_sequence() const noexcept {
  if (snapshots_.empty()) return std::nullopt;
  return snapshots_.back();
}

Task<JournalResult<OpenedJournal>> JournalSession::open(ActorContext& context) {
  // Once is enough: to open again would shut out whoever has opened since.
  if (opened_) co_return JournalResult<OpenedJournal>(*opened_);
  if (!may_act(cell_of(context)))
    co_return coerce::unexpected(JournalErr(Kind::Fenced, "the actor is no owner any more"));
  std::optional<std::int64_t> read_to;
  if (planted(Bug::RecoveryBeforeOpen)) {
    const auto head = co_await storage_->head(id_);
    if (head) read_to = *head;
  }
  auto opened = co_await storage_->open(id_, given_epoch(context));
  if (opened) {
    token_ = opened->token;
    head_ = opened->head;
    note_epoch(context, token_.epoch);
    if (read_to) opened->head = *read_to;
    opened_ = *opened;
  }
  co_return opened;
}

Task<PersistResult<void>> JournalSession::append(std::vector<JournalEntry> entries,
                                                 PersistFailurePolicy policy,
                                                 ActorContext& context) {
  if (entries.empty()) co_return PersistResult<void>();
  const auto turn = co_await turns_.take();
  const AppendId id = AppendId::draw(context.system().scheduler().rng());
  const Mark mark{id, head_ + static_cast<std::int64_t>(entries.size())};
  const auto write = [&] { return storage_->append(token_, head_, id, entries); };
  auto written = co_await repeat(write, mark, policy, context);
  if (written) head_ = mark.head;
  co_return written;
}

Task<PersistResult<void>> JournalSession::write_snapshot(JournalEntry snapshot, std::size_t keep,
                                                         PersistFailurePolicy policy,
                                                         ActorContext& context) {
  const auto turn = co_await turns_.take();
  const auto write = [&] { return storage_->write_snapshot(token_, snapshot); };
  auto written = co_await repeat(write, std::nullopt, policy, context);
  if (!written) co_return written;
  if (snapshots_.empty() || snapshots_.back() < snapshot.sequence)
    snapshots_.push_back(snapshot.sequence);
  co_await trim_snapshots(std::max<std::size_t>(keep, 1), context);
  co_return written;
}

// The snapshot is there whatever becomes of the old ones: they are tried again after the next one.
Task<void> JournalSession::trim_snapshots(std::size_t keep, ActorContext& context) {
  if (snapshots_.size() <= keep && !older_are_unknown_) co_return;
  const std::size_t dropped = snapshots_.size() - std::min(keep, snapshots_.size());
  const auto deleted = co_await storage_->delete_snapshots_to(token_, snapshots_[dropped]);
  if (deleted) {
    older_are_unknown_ = false;
    snapshots_.erase(snapshots_.begin(), snapshots_.begin() + static_cast<std::ptrdiff_t>(dropped));
  } else {
    context.log().warn("old snapshots were not deleted: {}", deleted.error().to_string());
  }
}

Task<PersistResult<bool>> JournalSession::clear_old_events(PersistFailurePolicy policy,
                                                           ActorContext& context) {
  const auto sequence = snapshot_sequence();
  if (!sequence) co_return PersistResult<bool>(false);
  const auto cleared = co_await delete_events_to(*sequence + 1, policy, context);
  if (!cleared) co_return PersistResult<bool>(coerce::unexpected(cleared.error()));
  co_return PersistResult<bool>(true);
}

Task<PersistResult<void>> JournalSession::delete_events_to(std::int64_t n,
                                                           PersistFailurePolicy policy,
                                                           ActorContext& context) {
  const auto turn = co_await turns_.take();
  const auto erase = [&] { return storage_->delete_events_to(token_, n); };
  co_return co_await repeat(erase, std::nullopt, policy, context);
}

Task<PersistResult<std::vector<JournalEntry>>> JournalSession::read(std::int64_t from,
                                                                    std::int64_t to,
                                                                    std::size_t max_bytes) {
  auto entries = co_await storage_->read(id_, from, to, max_bytes);
  if (!entries) {
    PersistErr error(PersistErr::Kind::Storage, entries.error().to_string());
    co_return PersistResult<std::vector<JournalEntry>>(coerce::unexpected(std::move(error)));
  }
  co_return PersistResult<std::vector<JournalEntry>>(std::move(*entries));
}

// A limit has passed that the handler has set, and what it gets is that limit's error: it may never
// learn that its event is in the journal, and its state not have it.
PersistResult<void> JournalSession::written(bool unseen, ActorContext& context) {
  if (!unseen) return {};
  PersistErr lost(PersistErr::Kind::Unknown, "written behind a limit that had passed");
  return coerce::unexpected(lose(std::move(lost), context));
}

template <class F>
Task<PersistResult<void>> JournalSession::repeat(F operation, std::optional<Mark> mark,
                                                 PersistFailurePolicy policy,
                                                 ActorContext& context) {
  CurrentScope current;
  const PromiseBase& promise = co_await current;
  const CancelScope& scope = *promise.scope;
  const auto cut_off = [&] { return scope.requested() && !stop_requested(context); };
  for (std::uint32_t failures = 0;;) {
    if (lost_) co_return coerce::unexpected(*lost_);
    // The store has perhaps not heard of the new owner yet, so it is not asked.
    if (!may_act(cell_of(context)))
      co_return coerce::unexpected(
          lose(PersistErr(PersistErr::Kind::Fenced, "the actor is no owner any more"), context));
    if (cut_off()) co_return coerce::unexpected(PersistErr(PersistErr::Kind::Storage, kCutOff));
    auto done = co_await operation();
    if (done) co_return written(mark && cut_off(), context);
    JournalErr error = std::move(done.error());
    if (error.kind() == Kind::Unknown) {
      const auto fate = co_await resolve(mark, policy, context);
      if (!fate) co_return coerce::unexpected(lose(fate.error(), context));
      if (*fate == Fate::Written) co_return written(mark && cut_off(), context);
      error = JournalErr(Kind::Unavailable, error.detail());
    }
    auto again = co_await wait_or_give_up(std::move(error), ++failures, policy, context);
    if (!again) co_return again;
  }
}

Task<PersistResult<JournalSession::Fate>> JournalSession::resolve(std::optional<Mark> mark,
                                                                  PersistFailurePolicy policy,
                                                                  ActorContext& context) {
  using FateResult = PersistResult<Fate>;
  bool token_may_be_old = false;
  for (std::uint32_t failures = 0;;) {
    // A reopening that was done, and its reply lost, has made the token an old one.
    auto opening = token_may_be_old ? storage_->open(id_, token_.epoch) : storage_->reopen(token_);
    auto opened = co_await std::move(opening);
    if (opened) {
      token_ = opened->token;
      if (planted(Bug::RetryAfterUnknown)) {
        head_ = opened->head;
        co_return FateResult(Fate::NotWritten);
      }
      if (mark && opened->head == mark->head && opened->last_append == mark->id)
        co_return FateResult(Fate::Written);
      if (opened->head == head_) co_return FateResult(Fate::NotWritten);
      // Somebody else has written behind it, or in its place.
      PersistErr lost(mark ? PersistErr::Kind::Unknown : PersistErr::Kind::Conflict,
                      fmt::format("the journal ends at {}, {} was expected", opened->head, head_));
      co_return FateResult(coerce::unexpected(std::move(lost)));
    }
    const JournalErr& error = opened.error();
    if (error.kind() == Kind::Fenced) {
      // It may have been written before the newer owner came.
      PersistErr lost(mark ? PersistErr::Kind::Unknown : PersistErr::Kind::Fenced,
                      "a newer owner has the journal: " + error.detail());
      co_return FateResult(coerce::unexpected(std::move(lost)));
    }
    token_may_be_old = token_may_be_old || error.kind() == Kind::Unknown;
    const bool may_pass = error.kind() == Kind::Unavailable || error.kind() == Kind::Unknown;
    const bool waits = may_pass && policy.action() == FailureAction::Retry &&
                       policy.retries().allows(++failures) && !is_stopping(context) &&
                       co_await sleep_for(policy.retries().delay(failures));
    if (!waits) {
      PersistErr unknown(PersistErr::Kind::Unknown, error.to_string());
      co_return FateResult(coerce::unexpected(std::move(unknown)));
    }
  }
}

Task<PersistResult<void>> JournalSession::wait_or_give_up(JournalErr error, std::uint32_t failures,
                                                          PersistFailurePolicy policy,
                                                          ActorContext& context) {
  using Err = PersistErr::Kind;
  if (error.kind() == Kind::Fenced)
    co_return coerce::unexpected(lose(PersistErr(Err::Fenced, error.detail()), context));
  if (error.kind() == Kind::Conflict)
    co_return coerce::unexpected(lose(PersistErr(Err::Conflict, error.detail()), context));

  PersistErr refused(Err::Storage, error.to_string());
  if (policy.action() == FailureAction::Fail) throw PersistFailed(refused);
  if (policy.action() == FailureAction::ReturnErr) co_return coerce::unexpected(std::move(refused));
  if (policy.action() == FailureAction::Retry) {
    // Too large an event is its handler's error and no reason to stop.
    if (error.kind() == Kind::Limit) co_return coerce::unexpected(std::move(refused));
    if (error.kind() == Kind::Unavailable && policy.retries().allows(failures)) {
      if ((failures & (failures - 1)) == 0)  // 1, 2, 4, 8, ...
        context.log().warn("the journal failed {} times and is tried again: {}", failures,
                           error.to_string());
      // In the hook stopped() nothing would end the wait any more.
      const bool waited =
          !is_stopping(context) && co_await sleep_for(policy.retries().delay(failures));
      if (waited) co_return PersistResult<void>();
      if (!stop_requested(context))
        co_return coerce::unexpected(
            PersistErr(Err::Storage, fmt::format("{}; {}", kCutOff, error.to_string())));
      co_return coerce::unexpected(PersistErr(Err::ActorStopping, error.to_string()));
    }
    stop_failed(context, refused.to_string());
    co_return coerce::unexpected(std::move(refused));
  }
  stop_failed(context, refused.to_string());
  co_return coerce::unexpected(PersistErr(Err::ActorStopping, error.to_string()));
}

PersistErr JournalSession::lose(PersistErr error, ActorContext& context) {
  stop_failed(context, "the journal is lost: " + error.to_string());
  lost_ = error;
  return error;
}

}  // namespace coerce::detail
