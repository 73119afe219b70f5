/// \file
/// The cell: an actor's place in the system. Mailbox, lifecycle and identity in under 200 bytes.

#pragma once

#include <atomic>
#include <memory>
#include <new>
#include <optional>

#include <coerce/actor/context.hpp>
#include <coerce/actor/detail/reply.hpp>
#include <coerce/actor/message.hpp>
#include <coerce/actor/options.hpp>
#include <coerce/actor/supervision.hpp>
#include <coerce/runtime/detail/mailbox.hpp>

namespace coerce::detail {

struct Cell;
class SystemCore;
struct CellExtras;
struct StartEnvelope;

struct Supervision;
struct MailboxBound;

/// An exception that several actors look at. Not a plain exception_ptr, whose count of owners
/// thread sanitizers do not see, because it lives in the standard library's binary.
using SharedError = std::shared_ptr<const std::exception_ptr>;

/// May messages come in?
enum class Entry : std::uint8_t {
  Open,
  Bounded,  ///< as far as the mailbox's bound allows
  Foreign,  ///< the actor is on another node: they go there at once
  Closed,
};

enum class Pushed : std::uint8_t {
  Taken,
  Refused,  ///< the actor takes no messages any more
  Full,
  Answered,  ///< not taken; the envelope says why
};

/// What a cell counts while it runs.
enum class Counts : std::uint8_t {
  Nothing,
  Taken,    ///< its mailbox is bounded, and full is full
  Ring,     ///< its mailbox drops the oldest: nothing, but a ticket may stay in front
  Handled,  ///< it can be told that no message came for a while
};

enum class Hook : std::uint8_t { Started, Stopped, ChildStopped, PreRestart, PostRestart };

/// Makes an actor in its cell, at the start and at each restart.
struct ActorFactory {
  virtual ~ActorFactory() = default;
  /// False: a coroutine that has suspended; it is the cell's activity now. What it throws, or an
  /// error that the user's factory returned, means that there is no actor.
  virtual bool make(Cell& cell) = 0;
  /// The suspended coroutine has ended.
  virtual void collect(Cell& cell) = 0;
};

/// What a cell needs to know about the actor's type.
struct CellType {
  /// Runs a hook; `argument` is what it gets besides the context. False: it is a coroutine that has
  /// suspended; it is the cell's activity now.
  bool (*run_hook)(Cell& cell, Hook hook, const void* argument);
  void (*destroy_actor)(Cell& cell) noexcept;
  void (*deallocate)(Cell& cell) noexcept;
  std::string_view name;
  EnvelopeOp handle_terminated;       ///< null: it handles no ActorTerminated
  EnvelopeOp handle_receive_timeout;  ///< null: it handles no ReceiveTimeout
  bool has_started, has_stopped, has_child_stopped, has_pre_restart, has_post_restart;
};

/// Owned, like every unit, by exactly one party. Plain members belong to the owner.
///
/// Two counts keep it: `strong` counts the references of users; `memory` counts everybody who may
/// still touch the cell (the living actor one, all strong references together one, parents,
/// children and weak references one each).
struct Cell : Unit, ActorContext {
  Cell(const CellType& cell_type, SystemCore& system_core, SchedulerCore& scheduler_core,
       ActorId actor_id, Cell* parent_cell, ActorType actor_type) noexcept;

  // ---- any thread that holds a reference
  /// Queues a user message. Unless Taken, the envelope is still the caller's. `awaited`: its sender
  /// waits for the answer.
  Pushed push(ThreadState& thread, Envelope& envelope, bool awaited = false) noexcept {
    if (entry.load(std::memory_order_relaxed) != Entry::Open) [[unlikely]]
      return push_checked(thread, envelope, awaited);
    enqueue(thread, envelope);
    return Pushed::Taken;
  }
  /// The same for a mailbox that is bounded or closed.
  Pushed push_checked(ThreadState& thread, Envelope& envelope, bool awaited) noexcept;
  /// The same for an actor of another node.
  Pushed push_foreign(ThreadState& thread, Envelope& envelope) noexcept;
  /// The same for one that is bounded.
  Pushed push_bounded(ThreadState& thread, Envelope& envelope, bool awaited) noexcept;
  /// Queues an envelope whatever the bounds are.
  void enqueue(ThreadState& thread, Envelope& envelope) noexcept {
    const LanePush pushed = lane.push(&envelope);
    if (pushed == LanePush::BecameOwner)
      submit(thread, *scheduler, *this);
    else if (pushed == LanePush::Closed) [[unlikely]]
      reject_late();
  }
  /// The same for one of the library's own, which the bounds count and never refuse.
  void enqueue_own(ThreadState& thread, Envelope& envelope) noexcept;
  /// Queues a system message. False: the actor has ended; the envelope was not taken.
  bool post(Envelope& envelope) noexcept;

  void retain() noexcept {
    if (strong.fetch_add(1, std::memory_order_relaxed) == 0) retain_memory();
  }
  void release() noexcept {
    if (strong.fetch_sub(1, std::memory_order_acq_rel) == 1) last_reference_gone();
  }
  void retain_memory() noexcept { memory.fetch_add(1, std::memory_order_relaxed); }
  void release_memory() noexcept {
    // Whoever holds the only count left is the only one who could make another.
    if (memory.load(std::memory_order_acquire) == 1 ||
        memory.fetch_sub(1, std::memory_order_acq_rel) == 1)
      free_memory();
  }
  /// The id; an anonymous actor gets one when somebody asks.
  ActorId id() noexcept;
  std::string_view id_view() noexcept;
  /// Its number in its system, given when somebody asks for the first time.
  std::uint64_t context_id() noexcept;
  ActorPath container_path();
  ActorPath full_path();

  // ---- owner only
  template <Counts C>
  static void run_cell(Runnable& runnable, ThreadState& thread);
  /// Starts a coroutine handler or hook. True: it has ended already.
  template <class T>
  bool begin(Task<T>&& task) {
    auto handle = TaskAccess::release(std::move(task));
    handle.promise().unit = this;
    handle.promise().scope = &root_scope;
    activity = handle;
    handle.resume();
    if (handle.done()) return true;
    handle.promise().began_ms = thread_state().worker->clock_ms();
    attention |= kActivity;
    return false;
  }
  /// The coroutine that has ended; destroying the result destroys its frame.
  template <class T>
  Task<T> end_activity() noexcept {
    auto handle = std::coroutine_handle<Promise<T>>::from_address(activity.address());
    activity = {};
    attention &= static_cast<std::uint8_t>(~kActivity);
    return TaskAccess::adopt(handle);
  }
  /// For the handlers and hooks of the actor: the message being handled; null in a hook.
  Envelope* handled_message() const noexcept;
  void put_aside_again(Envelope& stashed) noexcept;
  /// Puts what is in the stash in front of everything that waits.
  void unstash(bool handling_message) noexcept;
  /// A handler or hook threw: its strategy decides what follows.
  void fail(std::exception_ptr error) noexcept;
  void request_stop(StopReasonKind kind, std::string detail = {}) noexcept;
  /// Asks what holds the actor's stop token to stop.
  void fire_stop_token() noexcept;
  CellExtras& more();
  Supervision& supervision();
  /// Runs a hook; what it throws is a failure.
  void run_hook(Hook hook, const void* argument) noexcept;
  /// The actor is there, made by the factory if there was none. False: the factory has suspended.
  bool make_actor() noexcept;

  const CellType* type;
  SystemCore* system;
  MailboxLane<Envelope> lane;
  std::coroutine_handle<> activity;          ///< the handler or hook that has suspended
  std::atomic<EnvelopeOp> current{nullptr};  ///< what is being handled, for onlookers
  std::atomic<std::uint32_t> strong{1};
  std::atomic<std::uint32_t> memory{2};
  CellExtras* extras = nullptr;
  Cell* parent;
  std::atomic<SharedText*> id_text;
  std::atomic<std::uint64_t> given_context_id{0};  ///< 0 until somebody asks
  Cell* next_live = nullptr;  // the parent's list of children, or the system's under its lock
  Cell** previous_live = nullptr;
  std::atomic<ActorStatus> status{ActorStatus::Starting};
  const ActorType actor_type;
  std::uint8_t live_shard = 0;  ///< which of the system's lists it is in if it has no parent

  /// Bits of `attention`.
  enum Attention : std::uint8_t {
    kStop = 1,          // stop before the next message
    kDrain = 2,         // stop once the mailbox is empty
    kChildEnded = 4,    // a child has ended
    kUnreferenced = 8,  // the last reference of an anonymous actor went
    kStopping = 16,     // children are being stopped or the stopped hook runs
    kActivity = 32,     // a handler or hook has suspended
    kRestart = 128,     // a new instance is to take the actor's place; 64 is Unit::kCompletion
  };
  enum class Activity : std::uint8_t { Message, Hook, Factory };
  Activity activity_kind = Activity::Message;
  std::atomic<Entry> entry{Entry::Open};
  bool has_actor = true;  ///< false: not made yet, or between two instances
  bool stopped_hook_done = false;
  StopReasonKind stop_kind = StopReasonKind::Stopped;
  ReplyEnvelope* stop_waiters = nullptr;

  // Children, owner only.
  std::size_t child_count() const noexcept;  ///< the attached ones too
  void add_child(Cell& child);
  void child_ended(Cell& child) noexcept;
  Cell* find_child_cell(std::string_view id) noexcept;
  /// A stop that came from outside, by the system lane.
  void stop_from_outside(StopReasonKind kind, std::string detail = {}) noexcept;
  /// A sibling failed under a strategy for all.
  void share_fate(Directive directive, const SharedError& error) noexcept;
  StopReason stop_reason() const;

 private:
  enum class Next : std::uint8_t {
    Dispatch,  // handle the front message
    Handled,   // the front message has been handled
    Again,     // something changed: look once more
    Wait,      // nothing can go on before somebody pushes something
    Released,  // the cell has another owner or has ended: touch nothing
  };

  bool is_undisturbed() const noexcept { return attention == 0 && !control.has_nodes(); }
  template <Counts C>
  bool run_messages(ThreadState& thread);
  void count_if_bounded() const noexcept;
  void note_handled(const Worker& worker, EnvelopeOp op) noexcept;
  void refuse_messages(ActorStatus next) noexcept;
  Next look_up(ThreadState& thread) noexcept;
  Next look_once(ThreadState& thread) noexcept;
  Next give_up(ThreadState& thread) noexcept;
  Next attend();
  bool finish_activity();  ///< true: it was a message, which is to be completed
  void begin_stop() noexcept;
  Directive directive_for(const std::exception_ptr& error) noexcept;
  bool begin_restart(const SharedError& error) noexcept;
  Next restart() noexcept;
  void destroy_actor() noexcept;
  void stop_children() noexcept;  ///< and the tasks beside the actor
  void stop_tasks() noexcept;
  void reject_behind_front() noexcept;
  void keep_owned() noexcept;
  void close() noexcept;
  MailboxBound& bound() const noexcept;
  void tell_watchers() noexcept;
  void tell_parent() noexcept;
  void reject_all() noexcept;
  void reject_stash() noexcept;
  void reject(Envelope& envelope) noexcept;
  void reject_late() noexcept;
  void last_reference_gone() noexcept;
  void free_memory() noexcept;
};

void complete_as(ThreadState& thread, Envelope& envelope, Completion completion) noexcept;
inline void complete_slow(ThreadState& thread, Envelope& envelope) noexcept {
  complete_as(thread, envelope, envelope.completion);
}

/// The envelope has left the lane: nothing but itself and its sender may be touched.
inline void complete(ThreadState& thread, Envelope& envelope) noexcept {
  std::size_t size_class;
  if (envelope.is_plainly_pooled(size_class)) [[likely]]
    pool_free_class(thread, &envelope, size_class);
  else
    complete_slow(thread, envelope);
}

struct WithoutActor {};

template <class A>
struct ActorCell final : Cell {
  template <class... Args>
  ActorCell(SystemCore& system_core, SchedulerCore& scheduler_core, ActorId actor_id,
            Cell* parent_cell, ActorType actor_type_, Args&&... args)
      : Cell(kType, system_core, scheduler_core, std::move(actor_id), parent_cell, actor_type_) {
    new (&storage) A(std::forward<Args>(args)...);
  }
  /// Without an actor; a factory makes it.
  ActorCell(WithoutActor, SystemCore& system_core, SchedulerCore& scheduler_core, ActorId actor_id,
            Cell* parent_cell, ActorType actor_type_) noexcept
      : Cell(kType, system_core, scheduler_core, std::move(actor_id), parent_cell, actor_type_) {
    has_actor = false;
  }

  static void* operator new(std::size_t size) { return pool_allocate(size); }
  static void operator delete(void* memory, std::size_t size) noexcept { pool_free(memory, size); }

  A& actor() noexcept { return *std::launder(reinterpret_cast<A*>(&storage)); }

  static A& of(Cell& cell) noexcept { return static_cast<ActorCell&>(cell).actor(); }

  static bool run_hook(Cell& cell, Hook hook, const void* argument);
  static void destroy_actor(Cell& cell) noexcept { std::destroy_at(&of(cell)); }
  static void deallocate(Cell& cell) noexcept { delete &static_cast<ActorCell&>(cell); }
  static const CellType kType;

  alignas(A) unsigned char storage[sizeof(A)];
};

template <class A>
concept HasStarted = requires(A& actor, ActorContext& context) { actor.started(context); };
template <class A>
concept HasStopped = requires(A& actor, ActorContext& context) { actor.stopped(context); };
template <class A>
concept HasChildStoppedEvent =
    requires(A& actor, const ChildStopped& child, ActorContext& context) {
      actor.on_child_stopped(child, context);
    };
template <class A>
concept HasChildStoppedId = requires(A& actor, const ActorId& id, ActorContext& context) {
  actor.on_child_stopped(id, context);
};

template <class A>
concept HasPreRestart = requires(A& actor, std::exception_ptr error, ActorContext& context) {
  actor.pre_restart(error, context);
};
template <class A>
concept HasPostRestart = requires(A& actor, ActorContext& context) { actor.post_restart(context); };

/// What has to be done before the hook started(), and before post_restart() of each new instance.
/// Other modules specialise it for the base classes that they offer, with a
/// `static Task<bool> prepare(A&, ActorContext&)`. False: it has asked the actor to stop, and the
/// hook is not called.
template <class A>
struct Preparation {};

template <class A>
concept Prepares = requires(A& actor, ActorContext& context) {
  { Preparation<A>::prepare(actor, context) } -> std::same_as<Task<bool>>;
};

/// The handlers of ActorTerminated and ReceiveTimeout, if the actor has them.
template <class A>
constexpr EnvelopeOp terminated_op() noexcept;
template <class A>
constexpr EnvelopeOp receive_timeout_op() noexcept;

template <class A>
const CellType ActorCell<A>::kType{&run_hook,
                                   &destroy_actor,
                                   &deallocate,
                                   type_name_of<A>(),
                                   terminated_op<A>(),
                                   receive_timeout_op<A>(),
                                   HasStarted<A> || Prepares<A>,
                                   HasStopped<A>,
                                   HasChildStoppedEvent<A> || HasChildStoppedId<A>,
                                   HasPreRestart<A>,
                                   HasPostRestart<A>};

/// Calls a hook that is plain or a coroutine. False: suspended.
template <class F>
bool call_hook(Cell& cell, F&& hook) {
  using Returned = decltype(hook());
  static_assert(std::is_void_v<Returned> || std::is_same_v<Returned, Task<void>>,
                "coerce: a hook of an actor returns void or Task<void>; to fail, throw");
  if constexpr (is_task<Returned>)
    return cell.begin(hook());
  else
    return hook(), true;
}

/// Calls `hook(actor, context)`, plain or a coroutine, when the actor is prepared for it.
template <class A, class F>
Task<void> prepare_and_call(A& actor, ActorContext& context, F hook) {
  const bool ready = co_await Preparation<A>::prepare(actor, context);
  if (!ready) co_return;
  if constexpr (is_task<decltype(hook(actor, context))>)
    co_await hook(actor, context);
  else
    hook(actor, context);
}

/// Calls a hook with which a new instance begins.
template <class A, class F>
bool call_first_hook(Cell& cell, A& actor, F hook) {
  if constexpr (Prepares<A>)
    return cell.begin(prepare_and_call(actor, static_cast<ActorContext&>(cell), hook));
  else
    return call_hook(cell, [&] { return hook(actor, static_cast<ActorContext&>(cell)); });
}

template <class A>
bool ActorCell<A>::run_hook(Cell& cell, Hook hook, [[maybe_unused]] const void* argument) {
  [[maybe_unused]] A& actor = of(cell);
  [[maybe_unused]] ActorContext& context = cell;
  switch (hook) {
    case Hook::Started:
      if constexpr (HasStarted<A>)
        return call_first_hook(cell, actor, [](A& a, ActorContext& c) { return a.started(c); });
      else if constexpr (Prepares<A>)
        return call_first_hook(cell, actor, [](A&, ActorContext&) {});
      break;
    case Hook::Stopped:
      if constexpr (HasStopped<A>) return call_hook(cell, [&] { return actor.stopped(context); });
      break;
    case Hook::ChildStopped:
      if constexpr (HasChildStoppedEvent<A>)
        return call_hook(cell, [&] {
          return actor.on_child_stopped(*static_cast<const ChildStopped*>(argument), context);
        });
      else if constexpr (HasChildStoppedId<A>)
        return call_hook(cell, [&] {
          return actor.on_child_stopped(static_cast<const ChildStopped*>(argument)->id(), context);
        });
      break;
    case Hook::PreRestart:
      if constexpr (HasPreRestart<A>)
        return call_hook(cell, [&] {
          return actor.pre_restart(*static_cast<const std::exception_ptr*>(argument), context);
        });
      break;
    case Hook::PostRestart:
      if constexpr (HasPostRestart<A>)
        return call_first_hook(cell, actor,
                               [](A& a, ActorContext& c) { return a.post_restart(c); });
      break;
  }
  return true;
}

inline Cell& cell_of(Unit& unit) noexcept { return static_cast<Cell&>(unit); }
/// Every context is the base of a cell.
inline Cell& cell_of(ActorContext& context) noexcept { return static_cast<Cell&>(context); }
/// Null if the unit is a spawned task.
Cell* as_cell(Unit& unit) noexcept;
/// The actor that sent the message, if it is known. The caller owns the cell that the message is
/// in.
Cell* sender_of(const Envelope& envelope) noexcept;

/// A message on its way with nobody waiting for the answer. 32 bytes for a payload of up to 8.
template <class M>
struct NotifyEnvelope : Envelope {
  template <class... Args>
  explicit NotifyEnvelope(EnvelopeOp operation, Args&&... args)
      : Envelope(operation, Completion::Pooled, pool_class(sizeof(NotifyEnvelope))),
        payload(std::forward<Args>(args)...) {}
  static_assert(alignof(M) <= kPoolGranularity,
                "coerce: messages are aligned to 16 bytes at the most");
  static_assert(pool_class(sizeof(M)) < 250,
                "coerce: a message is at most 3984 bytes; hold more by pointer");
  M payload;
};

/// A message whose sender gets an answer.
template <class M>
struct SendEnvelope : ReplyEnvelope {
  using Answer = Result<MessageResult<M>>;
  template <class... Args>
  SendEnvelope(EnvelopeOp operation, Completion completion_kind, Args&&... args)
      : ReplyEnvelope(operation, completion_kind), payload(std::forward<Args>(args)...) {}
  M payload;
  std::optional<Answer> answer;
};

template <class M>
void answer_with(Envelope& envelope, Result<MessageResult<M>>&& answer) {
  if (envelope.completion == Completion::Pooled)
    std::destroy_at(&static_cast<NotifyEnvelope<M>&>(envelope).payload);
  else
    static_cast<SendEnvelope<M>&>(envelope).answer.emplace(std::move(answer));
}

ActorRefErr handler_failed(const std::exception_ptr& error, Cell& cell,
                           std::string_view message_type) noexcept;
/// A message that nobody waits for was not handled.
void count_dead_letter(Cell& cell, std::string_view message_type) noexcept;

template <class R, class F>
Result<R> to_answer(F&& produce) {
  using Returned = decltype(produce());
  if constexpr (is_result<Returned>) {
    return produce();
  } else if constexpr (std::is_void_v<R>) {
    produce();
    return {};
  } else {
    return Result<R>(produce());
  }
}

/// Its address stands for the message type.
template <class M>
inline constexpr char kMessageKey = 0;

/// The rare operations of a message.
template <class M>
[[gnu::noinline, gnu::cold]] bool message_unhandled(Envelope& envelope, Unit& unit, Op op,
                                                    void* argument) {
  if (op == Op::Name) {
    *static_cast<std::string_view*>(argument) = type_name_of<M>();
  } else if (op == Op::Identity) {
    *static_cast<MessageIdentity*>(argument) = {&kMessageKey<M>, envelope.op};
  } else {
    if (envelope.completion == Completion::Pooled)
      count_dead_letter(cell_of(unit), type_name_of<M>());
    answer_with<M>(envelope,
                   coerce::unexpected(op == Op::Drop ? ActorRefErr::MailboxFull()
                                                     : ActorRefErr::ResultChannelClosed()));
  }
  return true;
}

/// A handler threw: its sender learns what, its actor fails.
template <class M>
[[gnu::noinline, gnu::cold]] void message_failed(Envelope& envelope, Cell& cell,
                                                 std::exception_ptr error) {
  cell.root_scope.set_limited(false);
  answer_with<M>(envelope, coerce::unexpected(handler_failed(error, cell, type_name_of<M>())));
  cell.fail(std::move(error));
}

/// The one function of an envelope with a message M for an actor A, for a message whose sender gets
/// an answer and for one without.
template <class A, class M, bool Answered>
bool message_op(Envelope& envelope, Unit& unit, Op op, void* argument) {
  using R = MessageResult<M>;
  using Returned = HandlerReturn<A, M>;
  using Carrier = std::conditional_t<Answered, SendEnvelope<M>, NotifyEnvelope<M>>;
  if (op > Op::Collect) [[unlikely]]
    return message_unhandled<M>(envelope, unit, op, argument);
  Cell& cell = cell_of(unit);
  auto& carrier = static_cast<Carrier&>(envelope);
  const auto handle = [&]() -> Returned {
    return ActorCell<A>::of(cell).handle(std::move(carrier.payload),
                                         static_cast<ActorContext&>(cell));
  };
  try {
    if constexpr (is_task<Returned>) {
      const bool limited = Answered && envelope.metadata() != nullptr;
      if (limited && op == Op::Run) cell.root_scope.set_limited(true);
      if (op == Op::Run && !cell.begin(handle())) return false;
      if (limited) cell.root_scope.set_limited(false);
      auto task = cell.end_activity<typename Returned::value_type>();
      auto& promise = TaskAccess::handle(task).promise();
      answer_with<M>(envelope, to_answer<R>([&] { return promise.take(); }));
    } else if constexpr (Answered) {
      carrier.answer.emplace(to_answer<R>(handle));
    } else {
      handle();
      std::destroy_at(&carrier.payload);
    }
  } catch (...) {
    message_failed<M>(envelope, cell, std::current_exception());
  }
  return true;
}

template <class A, class M>
inline constexpr EnvelopeOp kNotifyOp = &message_op<A, M, false>;
template <class A, class M>
inline constexpr EnvelopeOp kSendOp = &message_op<A, M, true>;

}  // namespace coerce::detail
