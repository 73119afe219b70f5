#include "runtime/shuffle.hpp"

#include <algorithm>
#include <bit>

#include "runtime/scheduler_core.hpp"

namespace coerce::detail {

namespace {
constexpr unsigned kLongestManner = 64;

template <class T>
T* take(std::vector<T*>& from, std::size_t index) {
  T* taken = from[index];
  from.erase(from.begin() + static_cast<std::ptrdiff_t>(index));
  return taken;
}
}  // namespace

/// Short and long ones are about as likely.
std::uint64_t Shuffle::draw_length(unsigned longest) noexcept {
  const std::uint64_t limit = std::uint64_t{1} << rng_.below(std::bit_width(longest) + 1U);
  return std::min<std::uint64_t>(longest, 1 + rng_.below(limit));
}

// With uniform draws alone something that is ready would hardly ever wait for long, and many a bug
// needs just that. So for a while now and then the oldest or the newest is taken.
std::size_t Shuffle::draw(std::size_t count) noexcept {
  if (count == 1) return 0;
  if (manner_left_ == 0) {
    manner_left_ = draw_length(kLongestManner);
    const std::uint64_t manner = rng_.below(4);
    manner_ = manner == 0 ? Manner::Oldest : manner == 1 ? Manner::Newest : Manner::Any;
  }
  --manner_left_;
  if (manner_ == Manner::Any) return static_cast<std::size_t>(rng_.below(count));
  return manner_ == Manner::Oldest ? 0 : count - 1;
}

Shuffle::Choice Shuffle::choose(std::size_t due_timers) {
  const std::size_t choices = ready_.size() + jobs_.size() + due_timers;
  if (choices == 0) return {Kind::Nothing};
  std::size_t drawn = draw(choices);
  if (drawn < ready_.size()) {
    Runnable* runnable = take(ready_, drawn);
    turn_left_ = draw_length(budget_) - 1;
    if (observer_ != nullptr) observer_->runs(*runnable, choices);
    return {Kind::Runnable, runnable};
  }
  drawn -= ready_.size();
  if (drawn < jobs_.size()) {
    BlockingJob* job = take(jobs_, drawn);
    if (observer_ != nullptr) observer_->runs_blocking(choices);
    job->run(*job);
    return {Kind::Done};
  }
  if (observer_ != nullptr) observer_->fires_timer(choices);
  return {Kind::Timer, nullptr, drawn - jobs_.size()};
}

bool Shuffle::goes_on() {
  if (turn_left_ == 0) return false;
  --turn_left_;
  if (observer_ != nullptr) observer_->goes_on(*thread_state().unit);
  return true;
}

Runnable* WorkerThread::next_drawn() noexcept {
  Shuffle& shuffle = *scheduler_->shuffle();
  read_clock();
  for (;;) {
    const auto collect = [&] {
      while (Runnable* queued = ring_.pop()) shuffle.add_ready(*queued);
    };
    collect();
    if (lifo_ != nullptr) shuffle.add_ready(*std::exchange(lifo_, nullptr));
    while (Runnable* injected = scheduler_->take_injected(*this)) {
      shuffle.add_ready(*injected);
      collect();
    }
    const Shuffle::Choice choice = shuffle.choose(scheduler_->due_timers());
    if (choice.kind == Shuffle::Kind::Timer) scheduler_->fire_due_timer(choice.timer);
    if (choice.kind == Shuffle::Kind::Runnable || choice.kind == Shuffle::Kind::Nothing) {
      // Nothing runs past the draw: no chain, no newest one for the sake of a unit that is held.
      chain_ = 0;
      lifo_streak_ = kLifoStreak;
      return choice.runnable;
    }
  }
}

}  // namespace coerce::detail
