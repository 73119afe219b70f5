/// \file
/// What an actor tells about itself through its system lane, also while a handler is suspended.

#pragma once

#include <vector>

#include <coerce/actor/describe.hpp>
#include <coerce/actor/detail/send.hpp>

namespace coerce::detail {

/// An actor whose handler waits for another one.
struct Waiter {
  CellRef cell;
  std::string_view message_type;
};

struct Snapshot {
  ActorDescription self;
  std::vector<CellRef> children;
  std::vector<Waiter> waiters;  ///< for this actor; only if asked for
};

struct TakeSnapshot {
  using Result = Snapshot;
  static constexpr std::string_view type_name = "describe";

  explicit TakeSnapshot(std::size_t most_children, bool attached_too = true,
                        bool waiters_too = false)
      : max_children(most_children), with_attached(attached_too), with_waiters(waiters_too) {}
  std::size_t max_children;
  bool with_attached;
  bool with_waiters;
};

/// `co_await` gives Result<Snapshot>. A Timeout names the message that the actor took last.
class SnapshotAwaiter {
 public:
  SnapshotAwaiter(Cell& cell, TakeSnapshot question, Duration timeout) noexcept
      : cell_(&cell), question_(question), timeout_(timeout) {}

  bool await_ready() const noexcept { return false; }
  template <UnitPromise P>
  bool await_suspend(std::coroutine_handle<P> caller) {
    PromiseBase& promise = caller.promise();
    return wait_.start(*cell_, &answer_op, TakeSnapshot(question_), timeout_, *promise.unit, caller,
                       *promise.scope, true);
  }
  Result<Snapshot> await_resume();

 private:
  static bool answer_op(Envelope& envelope, Unit& unit, Op op, void*);

  Cell* cell_;
  TakeSnapshot question_;
  Duration timeout_;
  PendingWait<TakeSnapshot> wait_;
};

/// The type of the message that the actor took last; empty if none. Any thread.
std::string_view message_taken_last(Cell& cell) noexcept;

}  // namespace coerce::detail
