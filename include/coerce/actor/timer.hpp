/// \file
/// Timers that deliver a message to an actor again and again.

#pragma once

#include <cstdint>
#include <utility>

#include <coerce/actor/detail/timed.hpp>
#include <coerce/actor/ref.hpp>

namespace coerce {

enum class TimerMode : std::uint8_t {
  FixedRate,     ///< the n-th tick is due at start + n × period, whatever the handler takes
  AfterHandled,  ///< the period runs from the moment that the last tick was handled
};

struct TimerOptions {
  TimerMode mode = TimerMode::FixedRate;
};
static_assert(std::is_trivially_destructible_v<TimerOptions>);

namespace detail {

/// A timer at work. Its ticks are one envelope, queued again and again.
class Ticking : public Timed {
 public:
  Ticking(Cell& cell, ReplyEnvelope& envelope, Duration period, TimerMode mode);
  ~Ticking() override { cell_->release_memory(); }

  void start(bool immediately) noexcept;
  bool stop() noexcept;
  bool stopped() const noexcept { return (state_.load(std::memory_order_acquire) & kStopped) != 0; }
  std::uint64_t skipped() const noexcept { return skipped_.load(std::memory_order_relaxed); }

  void due() noexcept override;
  void forgotten() noexcept override;

 protected:
  /// The actor has come to the tick. False: the timer was stopped, it is not to be handled.
  bool begin() noexcept;
  /// The mailbox rejects or drops the tick.
  void turned_away(Op op) noexcept;
  /// The tick has left the mailbox; gives up the mailbox's count.
  void left() noexcept;

 private:
  enum : std::uint8_t {
    kStopped = 1,
    kWaiting = 2,  // the envelope is in the mailbox
    kHandled = 4,  // and the actor is at it
    kAgain = 8,    // a tick was due meanwhile: it follows at once
  };

  void refused() noexcept;
  bool deliver() noexcept;
  bool push() noexcept;
  void count_skipped(std::uint64_t count = 1) noexcept {
    skipped_.fetch_add(count, std::memory_order_relaxed);
  }

  Cell* cell_;  ///< weakly: in memory, not alive
  ReplyEnvelope* envelope_;
  const Duration period_;
  TimePoint due_at_{};  ///< fixed rate; of whoever has the wheel's count
  std::atomic<std::uint64_t> skipped_{0};
  std::atomic<std::uint8_t> state_{0};
  const TimerMode mode_;
};

template <class M>
class Tick final : public SendEnvelope<M>, public Ticking {
 public:
  template <class T>
  Tick(Cell& cell, EnvelopeOp operation, Duration period, TimerMode mode, T&& message)
      : SendEnvelope<M>(operation, Completion::Custom, message),
        Ticking(cell, *this, period, mode),
        message_(std::forward<T>(message)) {
    this->answers_for = this;
    this->complete = [](ReplyEnvelope& envelope) noexcept {
      auto& self = static_cast<Tick&>(envelope);
      self.answer.reset();
      self.drop_metadata();
      self.Envelope::next.store(nullptr, std::memory_order_relaxed);
      self.left();
    };
  }

  template <class A>
  static bool handle(Envelope& envelope, Unit& unit, Op op, void* argument) {
    if (op == Op::Name) return kSendOp<A, M>(envelope, unit, op, argument);
    auto& self = static_cast<Tick&>(static_cast<ReplyEnvelope&>(envelope));
    if (op == Op::Reject || op == Op::Drop) {
      self.turned_away(op);
      return true;
    }
    if (op == Op::Run) {
      if (!self.begin()) return true;
      try {
        self.renew(M(self.message_));
      } catch (...) {
        message_failed<M>(envelope, cell_of(unit), std::current_exception());
        return true;
      }
    }
    const bool done = kSendOp<A, M>(envelope, unit, op, argument);
    // What is put aside is a message like any other.
    if (op == Op::Identity) static_cast<MessageIdentity*>(argument)->op = kSendOp<A, M>;
    return done;
  }

 private:
  void renew(M&& copy) noexcept {
    std::destroy_at(&this->payload);
    std::construct_at(&this->payload, std::move(copy));
  }

  const M message_;
};

}  // namespace detail

/// Delivers copies of one message to an actor, period after period.
///
/// Owns its ticking: destroying the Timer stops it, and no tick is delivered after stop() returns.
/// Ticks never pile up: a tick that finds the last one still waiting in the mailbox is skipped and
/// counted; so is one that a bounded mailbox has no room for, or whose time passed while the system
/// had no turn. A tick that is due while the last one is being handled comes after it.
///
/// Does not keep an anonymous actor from ending. When the actor stops, so does the Timer: a tick in
/// its mailbox is dropped then, and is no dead letter. An exception of the handler is the actor's
/// affair; the next tick comes if the actor goes on. Deadlines are those of the system's clock
/// (resolution a millisecond, never early).
///
/// Thread-safe but for moving, assigning and destroying. May outlive the system.
class Timer {
 public:
  using Mode = TimerMode;

  /// One that has never ticked; to be assigned to.
  Timer() noexcept = default;
  Timer(Timer&& other) noexcept : ticking_(std::exchange(other.ticking_, nullptr)) {}
  Timer& operator=(Timer&& other) noexcept {
    if (this != &other) {
      end();
      ticking_ = std::exchange(other.ticking_, nullptr);
    }
    return *this;
  }
  ~Timer() { end(); }

  /// Starts ticking; the first tick is due after one `period`. With as many timers as
  /// ActorSystemBuilder::max_timers allows it never ticks (is_ticking() is false), and a dead
  /// letter is counted. Throws std::invalid_argument if the period is not above zero.
  template <class A, class M>
    requires Handler<A, std::remove_cvref_t<M>> && std::copy_constructible<std::remove_cvref_t<M>>
  [[nodiscard]] static Timer start(const LocalActorRef<A>& actor, Duration period, M&& message,
                                   TimerOptions options = {}) {
    detail::refuse_awaited_temporary<M>();
    return begin(actor, period, std::forward<M>(message), options, false);
  }
  /// The same; the first tick is delivered before this returns.
  template <class A, class M>
    requires Handler<A, std::remove_cvref_t<M>> && std::copy_constructible<std::remove_cvref_t<M>>
  [[nodiscard]] static Timer start_immediately(const LocalActorRef<A>& actor, Duration period,
                                               M&& message, TimerOptions options = {}) {
    detail::refuse_awaited_temporary<M>();
    return begin(actor, period, std::forward<M>(message), options, true);
  }

  // What cannot tick, and why.
  template <class A, class M, auto because = detail::kReason<A, std::remove_cvref_t<M>>>
    requires(!Handler<A, std::remove_cvref_t<M>>)
  static Timer start(const LocalActorRef<A>&, Duration, M&&, TimerOptions = {}) = delete;
  template <class A, class M, auto because = detail::kReason<A, std::remove_cvref_t<M>>>
    requires(!Handler<A, std::remove_cvref_t<M>>)
  static Timer start_immediately(const LocalActorRef<A>&, Duration, M&&,
                                 TimerOptions = {}) = delete;
  template <class A, class M, auto because = detail::kUncopiedReason<std::remove_cvref_t<M>>>
    requires(Handler<A, std::remove_cvref_t<M>> && !std::copy_constructible<std::remove_cvref_t<M>>)
  static Timer start(const LocalActorRef<A>&, Duration, M&&, TimerOptions = {}) = delete;
  template <class A, class M, auto because = detail::kUncopiedReason<std::remove_cvref_t<M>>>
    requires(Handler<A, std::remove_cvref_t<M>> && !std::copy_constructible<std::remove_cvref_t<M>>)
  static Timer start_immediately(const LocalActorRef<A>&, Duration, M&&,
                                 TimerOptions = {}) = delete;

  /// Stops ticking. A tick in the mailbox will not be handled, unless the actor is at it just now.
  /// Returns false if the timer had stopped before.
  bool stop() noexcept { return ticking_ != nullptr && ticking_->stop(); }
  /// False: it was stopped or refused, or its actor or the system has ended.
  bool is_ticking() const noexcept { return ticking_ != nullptr && !ticking_->stopped(); }
  /// Ticks that were not delivered because the actor was too slow.
  std::uint64_t skipped() const noexcept { return ticking_ != nullptr ? ticking_->skipped() : 0; }

 private:
  explicit Timer(detail::Ticking& ticking) noexcept : ticking_(&ticking) {}

  template <class A, class M>
  static Timer begin(const LocalActorRef<A>& actor, Duration period, M&& message,
                     TimerOptions options, bool immediately) {
    using Tick = detail::Tick<std::remove_cvref_t<M>>;
    auto* tick = new Tick(*actor.cell(), &Tick::template handle<A>, period, options.mode,
                          std::forward<M>(message));
    tick->start(immediately);
    return Timer(*tick);
  }
  void end() noexcept {
    if (ticking_ == nullptr) return;
    ticking_->stop();
    ticking_->release();
  }

  detail::Ticking* ticking_ = nullptr;
};

}  // namespace coerce
