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

/// Not linked through the items: who takes many would wait for memory at each of them.
using Queue = std::vector<GroupItem*>;

/// The group in front, as far as it may be.
void take_group(Queue& queue, std::vector<GroupItem*>& group, std::size_t most) {
  group.clear();
  if (queue.size() <= most) {
    group.swap(queue);
    return;
  }
  const auto end = queue.begin() + static_cast<std::ptrdiff_t>(most);
  group.assign(queue.begin(), end);
  queue.erase(queue.begin(), end);
}

/// Its task ran on another core, long ago if the group is large.
void fetch_ahead(std::span<GroupItem*> items, std::size_t i) noexcept {
  constexpr std::size_t ahead = 8;
  if (i + ahead < items.size()) __builtin_prefetch(items[i + ahead]);
}

}  // namespace

/// The requests of the thread, and those of each shuffled scheduler, are served in groups of their
/// own: each group wakes its tasks where they belong.
class GroupWorkerCore {
 public:
  using Refusal = GroupWorkerBase::Refusal;

  GroupWorkerCore(GroupWorkerBase::Serve serve, const GroupWorkerOptions& options)
      : serve_(std::move(serve)), options_(options) {
    for (auto* items : {&queue_, &group_}) items->reserve(options.max_group);
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
    queue_.push_back(&item);
    SchedulerCore& scheduler = *item.unit->scheduler;
    scheduler.add_user();
    if (scheduler.caller_driven()) scheduler.io_work_started();
    came_.notify_one();
  }

  void give_to_step(GroupItem& item) {
    SchedulerCore& scheduler = *item.unit->scheduler;
    const auto same = std::find_if(steps_.begin(), steps_.end(),
                                   [&](const Step& step) { return &step.scheduler == &scheduler; });
    if (same != steps_.end()) {
      same->queue.push_back(&item);
      return;
    }
    Step& step = steps_.emplace_back(*this, scheduler);
    for (auto* items : {&step.queue, &step.group}) items->reserve(options_.max_group);
    step.queue.push_back(&item);
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
    take_group(queue, group, options_.max_group);
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
    for (std::size_t i = 0; i < served; ++i) {
      fetch_ahead(items, i);
      wake(*items[i]);
    }
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
