#include <coerce/actor/system.hpp>

#include <cstdlib>
#include <mutex>
#include <stdexcept>

#include <coerce/actor/timeout.hpp>

#include "actor/failure.hpp"
#include "actor/id_access.hpp"
#include "actor/post.hpp"
#include "actor/snapshot.hpp"
#include "actor/system_core.hpp"
#include "runtime/scheduler_core.hpp"

namespace coerce {

namespace detail {

namespace {

constexpr Duration kDefaultDeadline = std::chrono::seconds(30);
constexpr std::size_t kMaxStuckListed = 1000;
constexpr std::uint64_t kMaxFailureLines = 100;
constexpr Duration kTaskPoll = std::chrono::milliseconds(1);

}  // namespace

namespace {

/// Is the calling unit a task started by spawn()?
bool running_in_counted_task() noexcept {
  const Unit* unit = thread_state().unit;
  return unit != nullptr && unit->run == &TaskUnit::run_unit &&
         static_cast<const TaskUnit*>(unit)->counted;
}

}  // namespace

SchedulerCore& scheduler_of(SystemCore& system) noexcept { return system.scheduler().core(); }
Cell* find_tracked(SystemCore& system, const ActorId& id) noexcept {
  return system.registry().find(id.view());
}

SystemCore::SystemCore(const SchedulerOptions& options, std::string_view name,
                       SupervisorStrategy top_level_strategy, const MailboxOptions& mailbox,
                       std::size_t max_children)
    : scheduler_(std::in_place, options),
      events_(std::make_shared<EventHub>(scheduler_->core())),
      timekeeper_(scheduler_->core()),
      top_level_strategy_(std::move(top_level_strategy)),
      mailbox_(mailbox),
      max_children_(max_children) {
  make_logger();  // before several workers could log at once
  Rng& rng = scheduler_->rng();
  id_ = make_uuid(rng);
  name_ = name.empty() ? id_ : ActorId(name);
  scheduler_->on_unhandled([this](const std::exception_ptr& error) {
    const std::uint64_t count = task_failures_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (count > kMaxFailureLines) return;
    log(*this, LogLevel::Error, name_.view(), "a spawned task failed: {}{}", text_of(error),
        count == kMaxFailureLines ? " (further failures of this system's tasks are not logged)"
                                  : "");
  });
}

std::optional<ActorRefErr> SystemCore::adopt(Cell& cell) noexcept {
  if (cell.parent != nullptr) {
    Cell& parent = *cell.parent;
    if (parent.status.load(std::memory_order_relaxed) >= ActorStatus::Stopping)
      return ActorRefErr::ActorUnavailable("the parent is stopping");
    const SharedText* id = cell.id_text.load(std::memory_order_relaxed);
    if (id != nullptr && parent.find_child_cell(id->view()) != nullptr)
      return ActorRefErr::AlreadyExists(cell.id());
    if (parent.child_count() >= max_children_)
      return ActorRefErr::Overloaded("the parent has as many children as max_children allows");
    parent.add_child(cell);
    living_children_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }
  const Worker* worker = thread_state().worker;
  cell.live_shard = worker != nullptr ? worker->index() % kLiveShards : 0;
  LiveShard& shard = live_[cell.live_shard];
  const std::lock_guard guard(shard.lock);
  if (terminated()) return ActorRefErr::ActorUnavailable("the system is shutting down");
  if (cell.actor_type == ActorType::Tracked && !registry_.insert(cell))
    return ActorRefErr::AlreadyExists(cell.id());
  cell.next_live = shard.first;
  cell.previous_live = &shard.first;
  if (shard.first != nullptr) shard.first->previous_live = &cell.next_live;
  shard.first = &cell;
  ++shard.count;
  return std::nullopt;
}

// Children end before their parents, so the last actor to end is a top-level one.
void SystemCore::count_ended(Cell& cell) noexcept {
  if (cell.parent != nullptr) {
    living_children_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  LiveShard& shard = live_[cell.live_shard];
  {
    const std::lock_guard guard(shard.lock);
    *cell.previous_live = cell.next_live;
    if (cell.next_live != nullptr) cell.next_live->previous_live = cell.previous_live;
    --shard.count;
  }
  if (terminated() && living_top_level() == 0) all_ended_.set();
}

std::size_t SystemCore::living_top_level() noexcept {
  std::size_t count = 0;
  for (LiveShard& shard : live_) {
    const std::lock_guard guard(shard.lock);
    count += shard.count;
  }
  return count;
}

std::size_t SystemCore::live() noexcept {
  return living_top_level() + living_children_.load(std::memory_order_relaxed);
}

void SystemCore::drop_memory() noexcept {
  if (memory_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

std::vector<CellRef> SystemCore::top_level() {
  std::vector<CellRef> cells;
  for (LiveShard& shard : live_) {
    const std::lock_guard guard(shard.lock);
    for (Cell* cell = shard.first; cell != nullptr; cell = cell->next_live)
      if (cell->status.load(std::memory_order_relaxed) != ActorStatus::Stopped)
        cells.push_back(CellRef::share(*cell));
  }
  return cells;
}

// The actor that calls the shutdown from its handler cannot end before it; it is reported at the
// deadline.
Task<ShutdownReport> SystemCore::shutdown(Duration deadline) {
  const TimePoint began = scheduler_->clock().now();
  terminated_.store(true, std::memory_order_seq_cst);
  for (const CellRef& cell : top_level()) post_stop(*cell, StopReasonKind::SystemShutdown);
  if (living_top_level() == 0) all_ended_.set();
  bool all_ended = all_ended_.is_set();
  if (!all_ended) {
    auto first = co_await when_any(all_ended_.wait(), sleep_for(deadline));
    all_ended = first.index() == 0 && std::get<0>(first);
  }
  timekeeper_.close();
  scheduler_->cancel_spawned();
  const std::size_t own = running_in_counted_task() ? 1 : 0;
  while (scheduler_->spawned_count() > own && scheduler_->clock().now() - began < deadline)
    if (!co_await sleep_for(kTaskPoll)) break;
  const std::size_t tasks = scheduler_->spawned_count();
  co_return report(began, all_ended, tasks > own ? tasks - own : 0);
}

void SystemCore::count_failure(Cell& cell, std::string_view what, std::string_view where) noexcept {
  const std::uint64_t count = failures_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (events_->wants<HandlerFailure>())
    events_->publish(HandlerFailure{cell.full_path(), std::string(cell.type->name),
                                    std::string(where.empty() ? message_taken_last(cell) : where),
                                    std::string(what)});
  if (count > kMaxFailureLines) return;
  log(*this, LogLevel::Warn, cell.full_path().view(), "{} failed: {}{}", cell.type->name, what,
      count == kMaxFailureLines ? " (further failures of this system are only counted)" : "");
}

void SystemCore::give_up(Cell& cell, std::string_view why) noexcept {
  log(*this, LogLevel::Error, cell.full_path().view(),
      "failed, and its strategy escalates: system {} shuts down: {}", name_.view(), why);
  if (!terminated()) spawn_within(scheduler_->core(), await_shutdown(shutdown(kDefaultDeadline)));
}

ShutdownReport SystemCore::report(TimePoint began, bool all_ended, std::size_t stuck_tasks) {
  ShutdownReport report;
  report.took = scheduler_->clock().now() - began;
  report.complete = all_ended && stuck_tasks == 0;
  report.stuck_tasks = stuck_tasks;
  if (all_ended) return report;
  for (const CellRef& cell : top_level()) {
    if (report.stuck.size() == kMaxStuckListed) break;
    StuckActor stuck;
    stuck.path = cell->full_path();
    stuck.actor_type = cell->type->name;
    stuck.handling_for = report.took;
    if (!cell->lane.is_idle()) stuck.message_type = message_taken_last(*cell);
    report.stuck.push_back(std::move(stuck));
  }
  return report;
}

void SystemCore::close(SystemCore* core) noexcept {
  const bool on_worker = core->scheduler_->on_worker();
  if (on_worker) {
    log(*core, LogLevel::Error, core->name().view(),
        "the last handle of the system was destroyed on one of its own workers, which cannot wait "
        "for it; its actors are stopped, its threads stay");
    spawn_within(core->scheduler_->core(), await_shutdown(core->shutdown(kDefaultDeadline)));
    return;
  }
  bool complete = core->terminated() && core->living_top_level() == 0;
  if (!complete) {
    try {
      const ShutdownReport report = core->scheduler_->block_on(core->shutdown(kDefaultDeadline));
      complete = report.complete;
      for (const StuckActor& stuck : report.stuck)
        log(*core, LogLevel::Error, stuck.path.view(), "{} did not stop: it handles {}",
            stuck.actor_type, stuck.message_type);
    } catch (const std::exception& error) {
      log(*core, LogLevel::Error, core->name().view(), "the shutdown failed: {}", error.what());
    }
  }
  core->timekeeper_.close();
  core->events_->close();
  core->scheduler_.reset();
  core->timekeeper_.forget_due();
  core->events_->forget_queued();
  if (complete) core->drop_memory();  // else what has not ended is leaked on purpose
}

Task<void> SystemCore::await_shutdown(Task<ShutdownReport> shutdown) {
  co_await std::move(shutdown);
}

}  // namespace detail

// ---- ActorSystem ------------------------------------------------------------------------------

ActorSystem::ActorSystem() : ActorSystem(builder().build()) {}
ActorSystemBuilder ActorSystem::builder() { return {}; }

ActorSystem& ActorSystem::global_system() {
  static std::mutex mutex;
  static std::optional<ActorSystem> global;
  const std::lock_guard guard(mutex);
  if (!global || global->is_terminated()) global.emplace();
  return *global;
}

const ActorId& ActorSystem::system_id() const noexcept { return core_->id(); }
const ActorId& ActorSystem::system_name() const noexcept { return core_->name(); }
bool ActorSystem::is_terminated() const noexcept { return core_->terminated(); }
const Scheduler& ActorSystem::scheduler() const noexcept { return core_->scheduler(); }
Clock& ActorSystem::clock() const noexcept { return scheduler().clock(); }
LogLevel ActorSystem::log_level() const noexcept { return core_->log_level(); }
void ActorSystem::set_log_level(LogLevel level) const noexcept { core_->set_log_level(level); }
EventStream ActorSystem::events() const noexcept { return EventStream(core_->shared_events()); }
std::size_t ActorSystem::actor_count() const noexcept { return core_->registry().size(); }
std::size_t ActorSystem::live_actor_count() const noexcept { return core_->live(); }
std::uint64_t ActorSystem::failure_count() const noexcept { return core_->failures(); }
std::uint64_t ActorSystem::dead_letter_count() const noexcept { return core_->dead_letters(); }

namespace {

Task<ShutdownReport> keep_and_shut_down(ActorSystem system, Duration deadline) {
  co_return co_await system.core().shutdown(deadline);
}

}  // namespace

Task<ShutdownReport> ActorSystem::shutdown(Duration deadline) const {
  return keep_and_shut_down(*this, deadline);
}

ShutdownReport ActorSystem::shutdown_blocking(Duration deadline) const {
  if (scheduler().on_worker()) return ShutdownReport{.complete = false};
  return scheduler().block_on(core_->shutdown(deadline));
}

// ---- builder ----------------------------------------------------------------------------------

ActorSystemBuilder& ActorSystemBuilder::system_name(std::string_view name) {
  if (name.empty() || name.find('/') != std::string_view::npos)
    throw std::invalid_argument("system_name: must not be empty or contain '/'");
  name_ = name;
  return *this;
}

ActorSystemBuilder& ActorSystemBuilder::worker_threads(unsigned count) {
  if (count > 48) throw std::invalid_argument("worker_threads: at most 48");
  scheduler_.workers = count;
  return *this;
}

ActorSystemBuilder& ActorSystemBuilder::clock(Clock& clock) {
  scheduler_.clock = &clock;
  return *this;
}

ActorSystemBuilder& ActorSystemBuilder::seed(std::uint64_t seed) {
  if (seed == 0) throw std::invalid_argument("seed: must not be 0");
  scheduler_.seed = seed;
  return *this;
}

ActorSystemBuilder& ActorSystemBuilder::shuffled(bool on) {
  scheduler_.shuffled = on;
  return *this;
}

ActorSystemBuilder& ActorSystemBuilder::budget(unsigned messages) {
  if (messages == 0) throw std::invalid_argument("budget: must not be 0");
  scheduler_.budget = messages;
  return *this;
}

ActorSystemBuilder& ActorSystemBuilder::max_spawned_tasks(std::size_t count) {
  if (count == 0) throw std::invalid_argument("max_spawned_tasks: must not be 0");
  scheduler_.max_spawned = count;
  return *this;
}

ActorSystemBuilder& ActorSystemBuilder::max_children(std::size_t count) {
  if (count == 0) throw std::invalid_argument("max_children: must not be 0");
  max_children_ = count;
  return *this;
}

ActorSystemBuilder& ActorSystemBuilder::top_level_strategy(SupervisorStrategy strategy) {
  top_level_strategy_ = std::move(strategy);
  return *this;
}

ActorSystemBuilder& ActorSystemBuilder::log_level(LogLevel level) noexcept {
  log_level_ = level;
  return *this;
}

ActorSystemBuilder& ActorSystemBuilder::mailbox(MailboxOptions options) {
  if (options.capacity > MailboxOptions::kMostCapacity)
    throw std::invalid_argument("mailbox: capacity must be at most 2^24");
  mailbox_ = options;
  return *this;
}

ActorSystem ActorSystemBuilder::build() {
  if (std::exchange(built_, true)) throw std::logic_error("build: can be called once");
  std::string name = name_;
  if (const char* from_environment = std::getenv("COERCE_ACTOR_SYSTEM");
      name.empty() && from_environment)
    name = from_environment;
  std::shared_ptr<detail::SystemCore> core(
      new detail::SystemCore(scheduler_, name, top_level_strategy_, mailbox_, max_children_),
      &detail::SystemCore::close);
  core->handle = core;
  core->set_log_level(log_level_);
  return ActorSystem(std::move(core));
}

}  // namespace coerce
