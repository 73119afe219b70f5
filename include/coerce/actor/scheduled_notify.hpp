/// \file
/// A message that is delivered later, once.

#pragma once

#include <utility>

#include <coerce/actor/detail/timed.hpp>
#include <coerce/actor/ref.hpp>

namespace coerce {

namespace detail {

/// A message on its way through time. It keeps the actor referenced until it is delivered.
class Scheduled final : public Timed {
 public:
  /// One count for the caller.
  static Scheduled& start(Cell& cell, Envelope& envelope, void (*destroy)(Envelope&) noexcept,
                          Duration delay);

  bool cancel() noexcept;
  void due() noexcept override;
  void forgotten() noexcept override;

 private:
  Scheduled(Cell& cell, Envelope& envelope, void (*destroy)(Envelope&) noexcept) noexcept;

  bool settle() noexcept { return !settled_.exchange(true, std::memory_order_acq_rel); }
  void refuse() noexcept;
  void deliver() noexcept;
  void reject() noexcept;

  // Of whoever settles it.
  CellRef cell_;
  Envelope* envelope_;
  void (*destroy_)(Envelope&) noexcept;
  std::atomic<bool> settled_{false};
};

template <class M, class... Args>
Envelope& make_notify(EnvelopeOp operation, Args&&... args) {
  void* memory = pool_allocate(sizeof(NotifyEnvelope<M>));
  try {
    return *new (memory) NotifyEnvelope<M>(operation, std::forward<Args>(args)...);
  } catch (...) {
    pool_free(memory, sizeof(NotifyEnvelope<M>));
    throw;
  }
}

}  // namespace detail

/// The handle of a message that LocalActorRef::scheduled_notify() will deliver. Dropping it does
/// not cancel. A message beyond ActorSystemBuilder::max_timers is a dead letter at once.
/// Thread-safe but for moving and destroying; may outlive the system.
class ScheduledNotify {
 public:
  explicit ScheduledNotify(detail::Scheduled& adopted) noexcept : scheduled_(&adopted) {}
  ScheduledNotify(ScheduledNotify&& other) noexcept
      : scheduled_(std::exchange(other.scheduled_, nullptr)) {}
  ScheduledNotify& operator=(ScheduledNotify&& other) noexcept {
    std::swap(scheduled_, other.scheduled_);
    return *this;
  }
  ~ScheduledNotify() {
    if (scheduled_ != nullptr) scheduled_->release();
  }

  /// True: the message will not be delivered. False: it is in the mailbox or was, or it was
  /// cancelled before, or refused, or the system has ended.
  bool cancel() noexcept { return scheduled_ != nullptr && scheduled_->cancel(); }

 private:
  detail::Scheduled* scheduled_;
};

template <class A, class Route>
template <int, class M>
  requires Handler<A, std::remove_cvref_t<M>>
ScheduledNotify detail::TypedRef<A, Route>::scheduled_notify(M&& message, Duration delay) const {
  detail::refuse_awaited_temporary<M>();
  using Plain = std::remove_cvref_t<M>;
  return ScheduledNotify(
      detail::Scheduled::start(*cell_,
                               detail::make_notify<Plain>(Route::template notify_op<Plain>(*cell_),
                                                          std::forward<M>(message)),
                               &detail::destroy_payload<Plain>, delay));
}

template <class A, class Route>
template <class M, class... Args>
  requires Handler<A, M> && std::constructible_from<M, Args...>
ScheduledNotify detail::TypedRef<A, Route>::scheduled_notify(Duration delay, Args&&... args) const {
  detail::refuse_awaited_temporary<Args...>();
  return ScheduledNotify(detail::Scheduled::start(
      *cell_,
      detail::make_notify<M>(Route::template notify_op<M>(*cell_), std::forward<Args>(args)...),
      &detail::destroy_payload<M>, delay));
}

}  // namespace coerce
