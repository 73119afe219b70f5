/// \file
/// Threads for work that blocks.

#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include <coerce/runtime/blocking.hpp>

namespace coerce::detail {

/// Makes a thread when a job finds none idle, up to a limit; jobs beyond wait in order, each in the
/// suspended task that it belongs to, so the queue takes no memory of its own.
class BlockingPool {
 public:
  explicit BlockingPool(unsigned limit) noexcept : limit_(limit) {}
  ~BlockingPool() { stop(); }

  void submit(BlockingJob& job);
  /// Joins the threads after the jobs that they run; queued jobs are dropped.
  void stop() noexcept;

 private:
  void work();

  const unsigned limit_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::vector<std::thread> threads_;
  BlockingJob* first_ = nullptr;
  BlockingJob* last_ = nullptr;
  std::size_t queued_ = 0;
  std::size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace coerce::detail
