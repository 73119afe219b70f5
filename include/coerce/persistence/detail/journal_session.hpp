/// \file
/// A journal that an actor has opened, and writes.

#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <coerce/actor/context.hpp>
#include <coerce/persistence/journal.hpp>
#include <coerce/persistence/persist_err.hpp>
#include <coerce/persistence/policy.hpp>
#include <coerce/runtime/task.hpp>

namespace coerce::detail {

/// One at a time, in order, among coroutines of one unit. So it needs no atomics.
class Turns {
 public:
  class [[nodiscard]] Turn {
   public:
    explicit Turn(Turns& turns) noexcept : turns_(&turns) {}
    Turn(Turn&& other) noexcept : turns_(std::exchange(other.turns_, nullptr)) {}
    ~Turn() {
      if (turns_ != nullptr) turns_->next();
    }

   private:
    Turns* turns_;
  };

  class [[nodiscard]] Awaiter : WakeNode {
   public:
    explicit Awaiter(Turns& turns) noexcept : turns_(turns) {}
    bool await_ready() const noexcept { return !std::exchange(turns_.taken_, true); }
    template <UnitPromise P>
    void await_suspend(std::coroutine_handle<P> waiting) {
      unit = waiting.promise().unit;
      handle = waiting;
      turns_.waiting_.push_back(this);
    }
    Turn await_resume() const noexcept { return Turn(turns_); }

   private:
    friend class Turns;
    Turns& turns_;
  };

  Awaiter take() noexcept { return Awaiter(*this); }

 private:
  /// The next one goes on behind the step that is under way, so that results come in order.
  void next() {
    if (waiting_.empty()) {
      taken_ = false;
      return;
    }
    Awaiter* first = waiting_.front();
    waiting_.pop_front();
    first->wake();
  }

  bool taken_ = false;
  std::deque<Awaiter*> waiting_;
};

/// Used by the actor's own handlers and hooks only. Its writes happen one after the other, also
/// when several are awaited at once.
class JournalSession {
 public:
  JournalSession(std::shared_ptr<JournalStorage> storage, std::string persistence_id);

  const std::string& persistence_id() const noexcept { return id_; }
  JournalStorage& storage() const noexcept { return *storage_; }
  std::int64_t head() const noexcept { return head_; }
  std::optional<std::int64_t> snapshot_sequence() const noexcept;

  /// Becomes the owner and tells the context its epoch; the next time it only says so again.
  Task<JournalResult<OpenedJournal>> open(ActorContext& context);
  /// A snapshot was found when the state was recovered.
  void found_snapshot(std::int64_t sequence) { snapshots_.push_back(sequence); }

  Task<PersistResult<void>> append(std::vector<JournalEntry> entries, PersistFailurePolicy policy,
                                   ActorContext& context);
  /// Keeps the newest `keep` snapshots, of those that earlier lives have left only the latest.
  Task<PersistResult<void>> write_snapshot(JournalEntry snapshot, std::size_t keep,
                                           PersistFailurePolicy policy, ActorContext& context);
  /// Deletes the events that the latest snapshot includes; false: there is none.
  Task<PersistResult<bool>> clear_old_events(PersistFailurePolicy policy, ActorContext& context);
  /// Deletes the events with a sequence below `n`.
  Task<PersistResult<void>> delete_events_to(std::int64_t n, PersistFailurePolicy policy,
                                             ActorContext& context);
  Task<PersistResult<std::vector<JournalEntry>>> read(std::int64_t from, std::int64_t to,
                                                      std::size_t max_bytes);

 private:
  enum class Fate : std::uint8_t { Written, NotWritten };
  /// How an append is recognised that was written.
  struct Mark {
    AppendId id;
    std::int64_t head;
  };

  /// Repeats `operation` as the policy says. `mark`: if it is an append.
  template <class F>
  Task<PersistResult<void>> repeat(F operation, std::optional<Mark> mark,
                                   PersistFailurePolicy policy, ActorContext& context);
  /// \param unseen an event that the handler may never learn of
  PersistResult<void> written(bool unseen, ActorContext& context);
  /// What became of an operation whose outcome is unknown, and now cannot change any more.
  Task<PersistResult<Fate>> resolve(std::optional<Mark> mark, PersistFailurePolicy policy,
                                    ActorContext& context);
  /// Waits before the next try. An error: there is none.
  Task<PersistResult<void>> wait_or_give_up(JournalErr error, std::uint32_t failures,
                                            PersistFailurePolicy policy, ActorContext& context);
  Task<void> trim_snapshots(std::size_t keep, ActorContext& context);
  /// The journal is somebody else's, or may be: the actor stops.
  PersistErr lose(PersistErr error, ActorContext& context);

  std::shared_ptr<JournalStorage> storage_;
  std::string id_;
  std::optional<OpenedJournal> opened_;  ///< as it was when it was opened
  WriteToken token_;
  std::int64_t head_ = 0;
  std::deque<std::int64_t> snapshots_;  ///< sequences of those known to exist, oldest first
  bool older_are_unknown_ = true;       ///< snapshots that earlier lives may have left
  std::optional<PersistErr> lost_;
  Turns turns_;
};

}  // namespace coerce::detail
