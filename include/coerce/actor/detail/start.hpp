/// \file
/// How actors come to life.

#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include <coerce/actor/dedicated_scheduler.hpp>
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

/// Before the cell is known to anybody.
void bind_mailbox(Cell& cell, const MailboxOptions& options);

/// Gives the cell the mailbox that its actor's class asks for.
template <class A>
void bind_mailbox_of(Cell& cell) {
  if constexpr (requires {
                  { A::mailbox } -> std::convertible_to<MailboxOptions>;
                }) {
    static_assert(A::mailbox.capacity <= MailboxOptions::kMostCapacity,
                  "coerce: a bounded mailbox holds at most 16 Mi messages");
    bind_mailbox(cell, A::mailbox);
  }
}

/// Makes the cell of a new actor; not yet known to anybody.
template <class A, class... Args>
Cell& make_cell(SystemCore& system, ActorId id, Cell* parent, ActorType type, Args&&... args) {
  static_assert(std::derived_from<A, Actor>, "coerce: an actor class derives from coerce::Actor");
  static_assert(alignof(A) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__,
                "coerce: an over-aligned actor keeps its aligned data behind a pointer");
  Cell& cell = *new ActorCell<A>(system, scheduler_of(system), std::move(id), parent, type,
                                 std::forward<Args>(args)...);
  bind_mailbox_of<A>(cell);
  return cell;
}

void make_with(Cell& cell, std::unique_ptr<ActorFactory> factory);
void supervise(Cell& cell, const SupervisorStrategy& strategy);
const SupervisorStrategy& top_level_strategy(SystemCore& system) noexcept;

template <class A, class F>
class FactoryOf final : public ActorFactory {
  using Returned = std::invoke_result_t<F&>;

 public:
  template <class T>
    requires std::constructible_from<F, T>
  explicit FactoryOf(T&& function) : function_(std::forward<T>(function)) {}

  bool make(Cell& cell) override {
    if constexpr (is_task<Returned>) {
      if (!cell.begin(function_())) return false;
      collect(cell);
    } else {
      install(cell, function_());
    }
    return true;
  }

  void collect([[maybe_unused]] Cell& cell) override {
    if constexpr (is_task<Returned>) {
      auto task = cell.end_activity<typename Returned::value_type>();
      install(cell, TaskAccess::handle(task).promise().take());
    }
  }

 private:
  template <class T>
  static void install(Cell& cell, T&& made) {
    if constexpr (is_result<std::remove_cvref_t<T>>) {
      if (!made) throw std::runtime_error(made.error().to_string());
      install(cell, std::move(*made));
    } else {
      new (&static_cast<ActorCell<A>&>(cell).storage) A(std::forward<T>(made));
      cell.has_actor = true;
    }
  }

  F function_;
};

/// Makes the cell of an actor that a factory will make.
template <class A, class F>
Cell& make_cell_with(SystemCore& system, ActorId id, Cell* parent, ActorType type, F&& factory,
                     const SupervisorStrategy& strategy) {
  static_assert(alignof(A) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__,
                "coerce: an over-aligned actor keeps its aligned data behind a pointer");
  auto made = std::make_unique<FactoryOf<A, std::remove_cvref_t<F>>>(std::forward<F>(factory));
  Cell& cell =
      *new ActorCell<A>(WithoutActor(), system, scheduler_of(system), std::move(id), parent, type);
  bind_mailbox_of<A>(cell);
  make_with(cell, std::move(made));
  supervise(cell, strategy);
  return cell;
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

  /// The actor runs on threads of its own.
  StartAwaiter on(const DedicatedScheduler& threads) && noexcept {
    cell_->scheduler = &threads.scheduler().core();
    return std::move(*this);
  }

  /// The actor owns what it opens (its journal) with this epoch: an owner with a lower one is
  /// fenced by it, and it is by one with a higher.
  StartAwaiter owning(Epoch epoch) && {
    give_epoch(*cell_, epoch);
    return std::move(*this);
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
