#include <coerce/runtime/group_worker.hpp>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>
#include <span>
#include <stdexcept>
#include <thread>

#include <coerce/runtime/blocking.hpp>

#include "runtime/scheduler_core.hpp"

namespace coerce::detail {

namespace {

bool is_by_steps(const GroupItem& item) noexcept {
  return item.unit->scheduler->shuffle() != nullptr;
}

/// Requests wait in the tasks that they belong to, so the queue takes no memory of its own.
class Queue {
 public:
  bool empty() const noexcept { return first_ == nullptr; }
  void push(GroupItem& item) noexcept {
    item.next_item = nullptr;
    (last_ != nullptr ? last_->next_item : first_) = &item;
    last_ = &item;
  }
  GroupItem& pop() noexcept {
    GroupItem& item = *first_;
    first_ = item.next_item;
    if (first_ == nullptr) last_ = nullptr;
    return item;
  }

 private:
  GroupItem* first_ = nullptr;
  GroupItem* last_ = nullptr;
};

}  // namespace

/// The requests of the thread, and those of each shuffled scheduler, are served in groups of their
/// own: each group wakes its tasks where they belong.
class GroupWorkerCore {
 public:
  using Refusal = GroupWorkerBase::Refusal;

  GroupWorkerCore(GroupWorkerBase::Serve serve, const GroupWorkerOptions& options)
      : serve_(std::move(serve)), options_(options) {
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

  Refusal enqueue(GroupItem& item) noexcept {
    const std::lock_guard guard(mutex_);
    if (waiting_ == options_.max_waiting) return GroupWorkerErr::Full;
    try {
      is_by_steps(item) ? give_to_step(item) : give_to_thread(item);
    } catch (const std::exception&) {
      return GroupWorkerErr::NoThread;
    }
    ++waiting_;
    return std::nullopt;
  }

 private:
  /// Serves the requests of one shuffled scheduler, a group a step.
  struct Step : BlockingJob {
    Step(GroupWorkerCore& worker, SchedulerCore& where)
        : BlockingJob(&run_step), core(worker), scheduler(where) {}
    static void run_step(BlockingJob& job) noexcept {
      Step& step = static_cast<Step&>(job);
      step.core.run(step);
    }
    GroupWorkerCore& core;
    SchedulerCore& scheduler;
    Queue queue;
    std::vector<GroupItem*> group;
  };

  void give_to_thread(GroupItem& item) {
    if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
    SchedulerCore& scheduler = *item.unit->scheduler;
    scheduler.add_user();
    if (scheduler.caller_driven()) scheduler.io_work_started();
    queue_.push(item);
    came_.notify_one();
  }

  void give_to_step(GroupItem& item) {
    SchedulerCore& scheduler = *item.unit->scheduler;
    const auto same = std::find_if(steps_.begin(), steps_.end(),
                                   [&](const Step& step) { return &step.scheduler == &scheduler; });
    if (same != steps_.end()) {
      same->queue.push(item);
      return;
    }
    Step& step = steps_.emplace_back(*this, scheduler);
    step.group.reserve(options_.max_group);
    step.queue.push(item);
    submit_blocking(scheduler, step);
  }

  /// Ends with the step if nothing waits for it any more.
  void run(Step& step) noexcept {
    std::unique_lock guard(mutex_);
    serve_group(step.queue, step.group, guard);
    if (step.queue.empty())
      steps_.remove_if([&](const Step& other) { return &other == &step; });
    else
      submit_blocking(step.scheduler, step);
  }

  void work() noexcept {
    std::unique_lock guard(mutex_);
    for (;;) {
      came_.wait(guard, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      serve_group(queue_, group_, guard);
    }
  }

  void serve_group(Queue& queue, std::vector<GroupItem*>& group,
                   std::unique_lock<std::mutex>& guard) noexcept {
    group.clear();
    while (!queue.empty() && group.size() < options_.max_group) group.push_back(&queue.pop());
    waiting_ -= group.size();
    guard.unlock();
    {
      const std::lock_guard one_at_a_time(serving_);
      for (std::span<GroupItem*> rest(group); !rest.empty();) rest = rest.subspan(serve_some(rest));
    }
    guard.lock();
  }

  /// Gives how many it has woken, one at least.
  std::size_t serve_some(std::span<GroupItem*> items) noexcept {
    std::size_t served = 0;
    try {
      served = serve_(items);
    } catch (...) {
      // Whoever got no answer learns that.
    }
    if (served == 0 || served > items.size()) served = items.size();
    for (GroupItem* item : items.first(served)) wake(*item);
    return served;
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
  std::mutex serving_;

  std::mutex mutex_;
  std::condition_variable came_;
  std::thread thread_;
  Queue queue_;
  std::vector<GroupItem*> group_;  ///< that the thread serves
  std::list<Step> steps_;          ///< those that are submitted
  std::size_t waiting_ = 0;
  bool stopping_ = false;
};

GroupWorkerBase::GroupWorkerBase(Serve serve, const GroupWorkerOptions& options)
    : core_(std::make_unique<GroupWorkerCore>(std::move(serve), options)) {
  if (options.max_waiting == 0 || options.max_group == 0)
    throw std::invalid_argument("GroupWorkerOptions: max_waiting and max_group must not be 0");
}

GroupWorkerBase::~GroupWorkerBase() = default;

GroupWorkerBase::Refusal GroupWorkerBase::enqueue(GroupItem& item) noexcept {
  return core_->enqueue(item);
}

void GroupWorkerBase::left(const GroupItem& item) noexcept {
  SchedulerCore& core = *item.unit->scheduler;
  if (core.caller_driven() && core.shuffle() == nullptr) core.io_work_finished();
}

}  // namespace coerce::detail
