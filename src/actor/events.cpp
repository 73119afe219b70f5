#include <coerce/actor/events.hpp>

#include <algorithm>

#include "actor/event_hub.hpp"
#include "actor/failure.hpp"
#include "actor/log.hpp"

namespace coerce {

namespace detail {

Subscriber::Subscriber(EventHub& hub, std::size_t event_kind,
                       std::function<void(const Event&)> deliver, std::size_t capacity) noexcept
    : Runnable(&run_subscriber),
      hub_(hub.weak_from_this()),
      kind_(event_kind),
      deliver_(std::move(deliver)),
      capacity_(std::max<std::size_t>(1, capacity)) {}

void Subscriber::take(SchedulerCore& scheduler, const Event& event,
                      const std::shared_ptr<Subscriber>& self) {
  const std::lock_guard guard(mutex_);
  if (ended_) return;
  if (waiting_.size() >= capacity_) {
    ++lost_;
    if (auto hub = hub_.lock()) hub->count_lost();
    if (!std::exchange(loss_logged_, true))
      write_line(LogLevel::Warn,
                 fmt::format("[events] a subscription is too slow: {} wait, newer ones are lost",
                             capacity_));
    return;
  }
  waiting_.push_back(event);
  if (self_) return;
  self_ = self;
  ThreadState& thread = thread_state();
  if (thread.worker != nullptr && &thread.worker->scheduler() == &scheduler)
    thread.worker->push_back(*this);
  else
    inject(scheduler, *this);
}

void Subscriber::run_subscriber(Runnable& runnable, ThreadState& thread) {
  static_cast<Subscriber&>(runnable).deliver_some(thread);
}

void Subscriber::deliver_some(ThreadState& thread) {
  const std::shared_ptr<Subscriber> self = self_;  // written before this was queued
  for (int delivered = 0;; ++delivered) {
    std::unique_lock lock(mutex_);
    if (ended_ || waiting_.empty()) {
      const std::uint64_t lost = std::exchange(lost_, 0);
      const bool tell = lost != 0 && !ended_ && kind_ != kEventIndex<Lagged, Event>;
      self_ = nullptr;
      lock.unlock();
      if (auto hub = hub_.lock(); tell && hub && hub->wants<Lagged>()) hub->publish(Lagged{lost});
      return;
    }
    if (delivered == kEventsPerTurn) {
      thread.worker->push_back(*this);
      return;
    }
    const Event event = std::move(waiting_.front());
    waiting_.pop_front();
    runner_.store(&thread, std::memory_order_relaxed);
    lock.unlock();
    try {
      deliver_(event);
    } catch (...) {
      write_line(LogLevel::Error,
                 fmt::format("[events] a subscriber threw: {}", text_of(std::current_exception())));
    }
    runner_.store(nullptr, std::memory_order_release);
    runner_.notify_all();
  }
}

// Either the runner sees `ended_`, or this sees the runner: both are set under the lock.
void Subscriber::end() noexcept {
  std::deque<Event> dropped;
  {
    const std::lock_guard guard(mutex_);
    ended_ = true;
    dropped.swap(waiting_);
  }
  const ThreadState* self = &thread_state();
  for (const ThreadState* runner = runner_.load(std::memory_order_acquire);
       runner != nullptr && runner != self; runner = runner_.load(std::memory_order_acquire))
    runner_.wait(runner, std::memory_order_acquire);
}

void Subscriber::forget() noexcept {
  std::shared_ptr<Subscriber> self;
  const std::lock_guard guard(mutex_);
  waiting_.clear();
  self = std::exchange(self_, nullptr);
}

void EventHub::publish(const Event& event) {
  const std::lock_guard guard(mutex_);
  if (scheduler_ == nullptr) return;
  for (const auto& subscriber : subscribers_)
    if (subscriber->kind() == event.index()) subscriber->take(*scheduler_, event, subscriber);
}

Subscription EventHub::add(std::size_t kind, std::function<void(const Event&)> deliver,
                           SubscribeOptions options) {
  auto subscriber = std::make_shared<Subscriber>(*this, kind, std::move(deliver), options.capacity);
  {
    const std::lock_guard guard(mutex_);
    if (scheduler_ == nullptr) return {};
    subscribers_.push_back(subscriber);
    find_wanted();
  }
  return Subscription([hub = shared_from_this(), subscriber] { hub->remove(subscriber); });
}

void EventHub::remove(const std::shared_ptr<Subscriber>& subscriber) noexcept {
  {
    const std::lock_guard guard(mutex_);
    std::erase(subscribers_, subscriber);
    find_wanted();
    std::erase_if(leaving_, [](const auto& each) { return !each->is_queued(); });
    if (subscriber->is_queued()) leaving_.push_back(subscriber);
  }
  subscriber->end();
}

void EventHub::find_wanted() noexcept {
  std::uint32_t wanted = 0;
  for (const auto& subscriber : subscribers_) wanted |= 1U << subscriber->kind();
  wanted_.store(scheduler_ != nullptr ? wanted : 0, std::memory_order_relaxed);
}

void EventHub::close() noexcept {
  const std::lock_guard guard(mutex_);
  scheduler_ = nullptr;
  find_wanted();
}

void EventHub::forget_queued() noexcept {
  std::vector<std::shared_ptr<Subscriber>> left;
  {
    const std::lock_guard guard(mutex_);
    left.swap(subscribers_);
    left.insert(left.end(), leaving_.begin(), leaving_.end());
    leaving_.clear();
  }
  for (const auto& subscriber : left) subscriber->forget();
}

}  // namespace detail

std::uint64_t EventStream::lost_count() const noexcept { return hub_->lost(); }

Subscription EventStream::add(std::size_t kind, std::function<void(const Event&)> deliver,
                              SubscribeOptions options) const {
  return hub_->add(kind, std::move(deliver), options);
}

}  // namespace coerce
