#include <coerce/runtime/group_worker.hpp>

#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <coerce/runtime/blocking.hpp>

#include "runtime/scheduler_core.hpp"

namespace coerce::detail {

/// Requests wait in the tasks that they belong to, so the queue takes no memory of its own.
class GroupWorkerCore {
 public:
  GroupWorkerCore(GroupWorkerBase::Serve serve, const GroupWorkerOptions& options)
      : serve_(std::move(serve)), options_(options), step_(*this) {
    group_.reserve(options.max_group);
  }
  ~GroupWorkerCore() {
    {
      const std::lock_guard guard(mutex_);
      stopping_ = true;
    }
    came_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

  bool enqueue(GroupItem& item) {
    const std::lock_guard guard(mutex_);
    if (waiting_ == options_.max_waiting) return false;
    if (is_by_steps(item)) {
      if (!std::exchange(step_waits_, true)) submit_blocking(*item.unit->scheduler, step_);
    } else {
      if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
      came_.notify_one();
      item.unit->scheduler->add_user();
      if (SchedulerCore& core = *item.unit->scheduler; core.caller_driven()) core.io_work_started();
    }
    item.next_item = nullptr;
    (last_ != nullptr ? last_->next_item : first_) = &item;
    last_ = &item;
    ++waiting_;
    return true;
  }

  static bool is_by_steps(const GroupItem& item) noexcept {
    return item.unit->scheduler->shuffle() != nullptr;
  }

 private:
  /// Serves one group in the place of the thread.
  struct Step : BlockingJob {
    explicit Step(GroupWorkerCore& worker) noexcept : BlockingJob(&run_step), core(worker) {}
    static void run_step(BlockingJob& job) noexcept {
      GroupWorkerCore& core = static_cast<Step&>(job).core;
      std::unique_lock guard(core.mutex_);
      core.serve_group(guard);
      core.step_waits_ = core.first_ != nullptr;
      if (core.step_waits_) submit_blocking(*core.first_->unit->scheduler, core.step_);
    }
    GroupWorkerCore& core;
  };

  void work() {
    std::unique_lock guard(mutex_);
    for (;;) {
      came_.wait(guard, [this] { return stopping_ || first_ != nullptr; });
      if (first_ == nullptr) return;
      serve_group(guard);
    }
  }

  void serve_group(std::unique_lock<std::mutex>& guard) noexcept {
    group_.clear();
    while (first_ != nullptr && group_.size() < options_.max_group) {
      group_.push_back(first_);
      first_ = first_->next_item;
    }
    if (first_ == nullptr) last_ = nullptr;
    waiting_ -= group_.size();
    guard.unlock();
    try {
      serve_(group_);
    } catch (...) {
      // Whoever got no answer learns that.
    }
    for (GroupItem* item : group_) wake(*item);
    guard.lock();
  }

  /// The last of what the item's system waits for may be this; so its scheduler is kept.
  static void wake(GroupItem& item) noexcept {
    SchedulerCore& core = *item.unit->scheduler;
    const bool by_steps = is_by_steps(item);
    item.wake();
    if (!by_steps) core.drop_user();
  }

  GroupWorkerBase::Serve serve_;
  const GroupWorkerOptions options_;
  std::vector<GroupItem*> group_;  ///< that is being served
  Step step_;

  std::mutex mutex_;
  std::condition_variable came_;
  std::thread thread_;
  GroupItem* first_ = nullptr;
  GroupItem* last_ = nullptr;
  std::size_t waiting_ = 0;
  bool step_waits_ = false;
  bool stopping_ = false;
};

GroupWorkerBase::GroupWorkerBase(Serve serve, const GroupWorkerOptions& options)
    : core_(std::make_unique<GroupWorkerCore>(std::move(serve), options)) {
  if (options.max_waiting == 0 || options.max_group == 0)
    throw std::invalid_argument("GroupWorkerOptions: max_waiting and max_group must not be 0");
}

GroupWorkerBase::~GroupWorkerBase() = default;

bool GroupWorkerBase::enqueue(GroupItem& item) { return core_->enqueue(item); }

void GroupWorkerBase::left(const GroupItem& item) noexcept {
  SchedulerCore& core = *item.unit->scheduler;
  if (core.caller_driven() && core.shuffle() == nullptr) core.io_work_finished();
}

}  // namespace coerce::detail
