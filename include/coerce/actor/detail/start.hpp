/// \file
/// How actors come to life.

#pragma once

#include <optional>
#include <utility>

#include <coerce/actor/ref.hpp>

namespace coerce::detail {

/// The first message of every actor; the mailbox is born owned by it.
struct StartEnvelope : ReplyEnvelope {
  explicit StartEnvelope(Completion completion_kind) noexcept
      : ReplyEnvelope(&start_op, completion_kind) {}

  static bool start_op(Envelope& envelope, Unit& unit, Op op, void* argument);

  std::optional<ActorRefErr> error;
};

/// Registers the cell, with its parent or with the system, and schedules it with its first message.
/// On an error the cell is gone, and the message was not taken.
std::optional<ActorRefErr> launch(Cell& cell, StartEnvelope& first) noexcept;
/// The same, and nobody waits for the start.
std::optional<ActorRefErr> launch_deferred(Cell& cell);
/// For a cell that was never adopted.
void discard(Cell& cell) noexcept;

SchedulerCore& scheduler_of(SystemCore& system) noexcept;

/// Makes the cell of a new actor; not yet known to anybody.
template <class A, class... Args>
Cell& make_cell(SystemCore& system, ActorId id, Cell* parent, ActorType type, Args&&... args) {
  static_assert(std::derived_from<A, Actor>, "coerce: an actor class derives from coerce::Actor");
  static_assert(alignof(A) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__,
                "coerce: an over-aligned actor keeps its aligned data behind a pointer");
  return *new ActorCell<A>(system, scheduler_of(system), std::move(id), parent, type,
                           std::forward<Args>(args)...);
}

/// `co_await` starts the actor and waits until its started() hook has completed.
template <class A>
class [[nodiscard]] StartAwaiter : StartEnvelope {
 public:
  using Answer = Result<LocalActorRef<A>>;

  explicit StartAwaiter(Cell& cell) noexcept : StartEnvelope(Completion::Wake), cell_(&cell) {}
  /// Only before it is awaited.
  StartAwaiter(StartAwaiter&& other) noexcept
      : StartEnvelope(Completion::Wake), cell_(std::exchange(other.cell_, nullptr)) {}
  ~StartAwaiter() {
    if (cell_ != nullptr && !started_) discard(*cell_);
  }

  bool await_ready() const noexcept { return false; }
  template <UnitPromise P>
  bool await_suspend(std::coroutine_handle<P> caller) noexcept {
    started_ = true;
    waiter = caller.promise().unit;
    handle = caller;
    if (auto refused = launch(*cell_, *this)) {
      error = std::move(refused);
      cell_ = nullptr;
      return false;
    }
    return true;
  }
  Answer await_resume() {
    CellRef cell(std::exchange(cell_, nullptr));
    if (error) return coerce::unexpected(std::move(*error));
    return LocalActorRef<A>(std::move(cell));
  }
  operator Task<Answer>() && { return as_task(std::move(*this)); }

 private:
  Cell* cell_;
  bool started_ = false;
};

}  // namespace coerce::detail
