#include "blocking_pool.hpp"

#include "runtime/scheduler_core.hpp"

namespace coerce::detail {

void BlockingPool::submit(BlockingJob& job) {
  const std::lock_guard guard(mutex_);
  job.next = nullptr;
  (last_ != nullptr ? last_->next : first_) = &job;
  last_ = &job;
  ++queued_;
  if (queued_ > idle_ && threads_.size() < limit_)
    threads_.emplace_back([this] { work(); });
  else
    ready_.notify_one();
}

void BlockingPool::work() {
  std::unique_lock guard(mutex_);
  while (!stopping_) {
    if (first_ == nullptr) {
      ++idle_;
      ready_.wait(guard);
      --idle_;
      continue;
    }
    BlockingJob& job = *first_;
    first_ = job.next;
    if (first_ == nullptr) last_ = nullptr;
    --queued_;
    guard.unlock();
    job.run(job);
    guard.lock();
  }
}

void BlockingPool::stop() noexcept {
  std::vector<std::thread> threads;
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
    threads.swap(threads_);
  }
  ready_.notify_all();
  for (auto& thread : threads) thread.join();
}

void submit_blocking(SchedulerCore& core, BlockingJob& job) {
  if (Shuffle* shuffle = core.shuffle())
    shuffle->add_blocking(job);
  else if (core.caller_driven())
    job.run(job);
  else
    core.blocking().submit(job);
}

}  // namespace coerce::detail
