#include "pubsub/topic_subscription.hpp"

namespace coerce::detail {

TopicSubscription::TopicSubscription(SubscriptionRequest request, std::uint64_t number)
    : number_(number),
      type_(request.type),
      name_(TopicView{request.type->name, request.key}),
      actor_(request.port.actor),
      cell_(request.port.cell),
      capacity_(std::max<std::size_t>(1, request.capacity)),
      port_(std::move(request.port)) {}

TopicSubscription::Outcome TopicSubscription::give(const PublishedPtr& published) {
  Outcome outcome;
  const std::lock_guard guard(mutex_);
  if (!tell(outcome)) {
    // What was lost is told before anything newer.
    if (!outcome.ended) lose(outcome);
    return outcome;
  }
  if (!has_room()) {
    lose(outcome);
    return outcome;
  }
  switch (port_.offer(published, Place(waiting_))) {
    case Offered::Taken:
      break;
    case Offered::Full:
      lose(outcome);
      break;
    case Offered::Ended:
      ended_ = outcome.ended = true;
      break;
  }
  return outcome;
}

TopicSubscription::Outcome TopicSubscription::note_gap() {
  Outcome outcome;
  const std::lock_guard guard(mutex_);
  if (ended_) {
    outcome.ended = true;
  } else if (port_.tell_lagged) {
    gap_ = true;
    (void)tell(outcome);
  }
  return outcome;
}

TopicSubscription::Outcome TopicSubscription::tell_lag() {
  Outcome outcome;
  const std::lock_guard guard(mutex_);
  (void)tell(outcome);
  return outcome;
}

void TopicSubscription::end() noexcept {
  SubscriberPort gone;  // declared first, destroyed after the lock: it may hold the last reference
  const std::lock_guard guard(mutex_);
  ended_ = true;
  std::swap(gone, port_);
}

bool TopicSubscription::is_of(const SubscriptionRequest& request) const noexcept {
  return cell_ == request.port.cell && actor_ == request.port.actor;
}

bool TopicSubscription::has_room() const noexcept {
  return waiting_->load(std::memory_order_relaxed) < capacity_;
}

/// Under the lock. True: there is nothing to tell any more.
bool TopicSubscription::tell(Outcome& outcome) {
  if (ended_) {
    outcome.ended = true;
    return false;
  }
  if (lost_ == 0 && !gap_) return true;
  // Else the actor would be told of each single loss, without bounds.
  if (!has_room()) {
    outcome.is_waiting = true;
    return false;
  }
  switch (port_.tell_lagged(gap_ ? 0 : lost_)) {
    case Offered::Taken:
      lost_ = 0;
      gap_ = false;
      return true;
    case Offered::Full:
      outcome.is_waiting = true;
      return false;
    case Offered::Ended:
      ended_ = outcome.ended = true;
      return false;
  }
  return false;
}

/// Under the lock.
void TopicSubscription::lose(Outcome& outcome) {
  outcome.lost = 1;
  if (port_.tell_lagged) {
    ++lost_;
    outcome.is_waiting = true;
  } else {
    outcome.untold = 1;
  }
}

}  // namespace coerce::detail
