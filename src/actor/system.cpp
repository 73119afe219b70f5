#include <coerce/actor/system.hpp>

#include <algorithm>
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
constexpr std::uint64_t kMaxFailureLines = 100;
constexpr std::uint64_t kMaxSlowLines = 100;

}  // namespace

SchedulerCore& scheduler_of(SystemCore& system) noexcept { return system.scheduler().core(); }
Cell* find_tracked(SystemCore& system, const ActorId& id) noexcept {
  return system.registry().find(id.view());
}
SystemExtension* find_extension(SystemCore& system, const void* key) noexcept {
  return system.extensions().find(key);
}

SystemCore::SystemCore(const SchedulerOptions& options, std::string_view name,
                       SupervisorStrategy top_level_strategy, const MailboxOptions& mailbox,
                       const SystemLimits& limits, Duration slow_handler)
    : scheduler_(std::in_place, options),
      events_(std::make_shared<EventHub>(scheduler_->core())),
      timekeeper_(scheduler_->core(), limits.timers),
      top_level_strategy_(std::move(top_level_strategy)),
      mailbox_(mailbox),
      limits_(limits) {
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
  const auto slow = [](void* self, Unit& unit, Duration running_for) {
    return static_cast<SystemCore*>(self)->describe_slow(unit, running_for);
  };
  if (slow_handler > Duration::zero()) scheduler_->core().on_slow(slow_handler, slow, this);
}

std::optional<ActorRefErr> SystemCore::adopt(Cell& cell) noexcept {
  if (cell.parent != nullptr) {
    Cell& parent = *cell.parent;
    if (parent.status.load(std::memory_order_relaxed) >= ActorStatus::Stopping)
      return ActorRefErr::ActorUnavailable("the parent is stopping");
    const SharedText* id = cell.id_text.load(std::memory_order_relaxed);
    if (id != nullptr && parent.find_child_cell(id->view()) != nullptr)
      return ActorRefErr::AlreadyExists(cell.id());
    if (parent.child_count() >= max_children())
      return ActorRefErr::Overloaded("the parent has as many children as max_children allows");
    parent.add_child(cell);
    living_children_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }
  const bool of_extension = is_of_extension(cell);
  if (!of_extension) {
    const Worker* worker = thread_state().worker;
    cell.live_shard = worker != nullptr ? worker->index() % kLiveShards : 0;
  }
  LiveShard& shard = of_extension ? slot_of(cell).actors : live_[cell.live_shard];
  auto guard = of_extension ? std::unique_lock(shard.lock) : live_.hold_with_room(shard);
  if (of_extension ? slot_of(cell).closed : terminated())
    return ActorRefErr::ActorUnavailable("the system is shutting down");
  if (!guard.owns_lock())
    return ActorRefErr::Overloaded("the system has as many top-level actors as max_actors allows");
  if (cell.actor_type == ActorType::Tracked && !registry_.insert(cell))
    return ActorRefErr::AlreadyExists(cell.id());
  if (of_extension) extension_actors_.fetch_add(1, std::memory_order_relaxed);
  shard.add(cell);
  if (of_extension || cell.actor_type != ActorType::Tracked) return std::nullopt;
  if (TrackedObserver* observer = observer_.load(std::memory_order_acquire)) [[unlikely]] {
    guard.unlock();
    observer->began(cell);
  }
  return std::nullopt;
}

std::vector<CellRef> SystemCore::tracked_of_users() {
  std::vector<CellRef> cells = registry_.all();
  std::erase_if(cells, [](const CellRef& cell) { return is_of_extension(*cell); });
  return cells;
}

CellRef SystemCore::find_user(std::string_view id) noexcept {
  CellRef found(registry_.find(id));
  return found.get() != nullptr && !is_of_extension(*found) ? found : CellRef();
}

ActorSystem SystemCore::borrow() noexcept {
  if (auto owned = handle.lock()) return ActorSystem(std::move(owned));
  return ActorSystem(std::shared_ptr<SystemCore>(std::shared_ptr<void>(), this));
}

// Children end before their parents, so the last actor to end is a top-level one.
void SystemCore::count_ended(Cell& cell) noexcept {
  if (cell.parent != nullptr) {
    living_children_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  if (is_of_extension(cell)) {
    ExtensionSlot& slot = slot_of(cell);
    bool last = false;
    {
      const std::lock_guard guard(slot.actors.lock);
      slot.actors.remove(cell);
      last = slot.closed && slot.actors.count == 0;
    }
    if (last) slot.actors_ended.set();
    return;
  }
  LiveShard& shard = live_[cell.live_shard];
  {
    const std::lock_guard guard(shard.lock);
    shard.remove(cell);
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
  std::size_t count = living_top_level() + living_children_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < extensions_.size(); ++i) {
    const std::lock_guard guard(extensions_[i].actors.lock);
    count += extensions_[i].actors.count;
  }
  return count;
}

std::size_t SystemCore::tracked() const noexcept {
  const std::size_t of_extensions = extension_actors_.load(std::memory_order_relaxed);
  return std::max(registry_.size(), of_extensions) - of_extensions;
}

void SystemCore::drop_memory() noexcept {
  if (memory_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

void SystemCore::list_users(std::vector<CellRef>& cells, std::size_t limit) {
  for (LiveShard& shard : live_) {
    const std::lock_guard guard(shard.lock);
    shard.list(cells, limit);
  }
}

std::vector<CellRef> SystemCore::top_level() {
  std::vector<CellRef> cells;
  list_users(cells);
  for (std::size_t i = 0; i < extensions_.size(); ++i) {
    const std::lock_guard guard(extensions_[i].actors.lock);
    extensions_[i].actors.list(cells);
  }
  return cells;
}

void SystemCore::stop_users() {
  std::vector<CellRef> cells;
  list_users(cells);
  for (const CellRef& cell : cells) post_stop(*cell, StopReasonKind::SystemShutdown);
  if (living_top_level() == 0) all_ended_.set();
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

void SystemCore::note_refused_timer(Cell& cell, std::string_view message_type) noexcept {
  if (timer_refused_.exchange(true, std::memory_order_relaxed)) return;
  log(*this, LogLevel::Warn, cell.full_path().view(),
      "a timer for {} is refused: the system has as many as max_timers allows (further refusals "
      "are only counted, as dead letters)",
      message_type);
}

std::function<void()> SystemCore::describe_slow(Unit& unit, Duration running_for) {
  SlowHandler slow{.path = {}, .actor_type = {}, .message_type = {}, .running_for = running_for};
  if (Cell* cell = as_cell(unit)) {
    slow.path = cell->full_path();
    slow.actor_type = cell->type->name;
    slow.message_type = message_taken_last(*cell);
  }
  return [this, slow = std::move(slow)] { tell_slow(slow); };
}

void SystemCore::tell_slow(const SlowHandler& slow) noexcept {
  const auto milliseconds = std::chrono::duration<double, std::milli>(slow.running_for).count();
  const std::uint64_t count = slow_.fetch_add(1, std::memory_order_relaxed) + 1;
  const std::string_view last =
      count == kMaxSlowLines ? " (further ones of this system are only published)" : "";
  const bool is_actor = !slow.actor_type.empty();
  if (count <= kMaxSlowLines && !is_actor)
    log(*this, LogLevel::Warn, name_.view(),
        "a spawned task keeps its worker for {:.0f} ms already{}", milliseconds, last);
  else if (count <= kMaxSlowLines)
    log(*this, LogLevel::Warn, slow.path.view(),
        "{} keeps its worker for {:.0f} ms already: it handles {}{}", slow.actor_type, milliseconds,
        slow.message_type, last);
  if (is_actor && events_->wants<SlowHandler>()) events_->publish(slow);
}

void SystemCore::give_up(Cell& cell, std::string_view why) noexcept {
  log(*this, LogLevel::Error, cell.full_path().view(),
      "failed, and its strategy escalates: system {} shuts down: {}", name_.view(), why);
  if (!terminated()) begin_shutdown();
}

Task<void> SystemCore::shut_down(SystemCore& core) {
  const ShutdownReport report = co_await core.shutdown(kDefaultDeadline);
  log_incomplete(core, report);
}

void SystemCore::begin_shutdown() { shutdown_.begin(kDefaultDeadline); }

void SystemCore::close(SystemCore* core) noexcept {
  const bool on_worker = core->scheduler_->on_worker();
  if (on_worker) {
    log(*core, LogLevel::Error, core->name().view(),
        "the last handle of the system was destroyed on one of its own workers, which cannot wait "
        "for it; its actors are stopped, its threads stay");
    core->begin_shutdown();
    return;
  }
  if (!core->shutdown_.ended()) {
    try {
      core->scheduler_->block_on(shut_down(*core));
    } catch (const std::exception& error) {
      log(*core, LogLevel::Error, core->name().view(), "the shutdown failed: {}", error.what());
    }
  }
  const bool complete = core->shutdown_.ended();
  core->timekeeper_.close();
  core->events_->close();
  if (complete) core->extensions_.destroy();  // what they hold of the scheduler goes before it
  core->scheduler_.reset();
  core->timekeeper_.forget_due();
  core->events_->forget_queued();
  if (complete) core->drop_memory();  // else what has not ended is leaked on purpose
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
std::size_t ActorSystem::actor_count() const noexcept { return core_->tracked(); }
std::size_t ActorSystem::live_actor_count() const noexcept { return core_->live(); }
std::uint64_t ActorSystem::failure_count() const noexcept { return core_->failures(); }
std::uint64_t ActorSystem::dead_letter_count() const noexcept { return core_->dead_letters(); }

namespace {

Task<ShutdownReport> keep_and_shut_down(ActorSystem system, Duration deadline) {
  co_return co_await system.core().shutdown(deadline);
}

}  // namespace

Result<void> ActorSystem::extend(const void* key,
                                 std::shared_ptr<SystemExtension> extension) const {
  if (!extension)
    return coerce::unexpected(ActorRefErr::NotSupported({}, "", "", "extend: no extension"));
  try {
    if (auto error = core_->extensions().add(*this, key, std::move(extension)))
      return coerce::unexpected(std::move(*error));
  } catch (...) {
    return coerce::unexpected(
        ActorRefErr::ActorStartFailed(detail::text_of(std::current_exception())));
  }
  return {};
}

Task<ShutdownReport> ActorSystem::shutdown(Duration deadline) const {
  return keep_and_shut_down(*this, deadline);
}

ShutdownReport ActorSystem::shutdown_blocking(Duration deadline) const {
  if (scheduler().on_worker())
    return ShutdownReport{.complete = false, .phase = ShutdownPhase::OutsideWork};
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
  limits_.children = count;
  return *this;
}

ActorSystemBuilder& ActorSystemBuilder::max_actors(std::size_t count) {
  if (count == 0) throw std::invalid_argument("max_actors: must not be 0");
  limits_.actors = count;
  return *this;
}

ActorSystemBuilder& ActorSystemBuilder::max_timers(std::size_t count) {
  if (count == 0) throw std::invalid_argument("max_timers: must not be 0");
  limits_.timers = count;
  return *this;
}

ActorSystemBuilder& ActorSystemBuilder::top_level_strategy(SupervisorStrategy strategy) {
  top_level_strategy_ = std::move(strategy);
  return *this;
}

ActorSystemBuilder& ActorSystemBuilder::slow_handler(Duration limit) {
  if (limit < Duration::zero()) throw std::invalid_argument("slow_handler: must not be negative");
  slow_handler_ = limit;
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

ActorSystemBuilder& ActorSystemBuilder::extend(const void* key,
                                               std::shared_ptr<SystemExtension> extension) {
  if (!extension) throw std::invalid_argument("extend: no extension");
  const auto same = [key](const auto& other) { return other.first == key; };
  if (std::ranges::any_of(extensions_, same))
    throw std::invalid_argument("extend: an extension of this type is there already");
  extensions_.emplace_back(key, std::move(extension));
  return *this;
}

ActorSystem ActorSystemBuilder::build() {
  if (std::exchange(built_, true)) throw std::logic_error("build: can be called once");
  std::string name = name_;
  if (const char* from_environment = std::getenv("COERCE_ACTOR_SYSTEM");
      name.empty() && from_environment)
    name = from_environment;
  std::shared_ptr<detail::SystemCore> core(
      new detail::SystemCore(scheduler_, name, top_level_strategy_, mailbox_, limits_,
                             slow_handler_),
      &detail::SystemCore::close);
  core->handle = core;
  core->set_log_level(log_level_);
  ActorSystem system(std::move(core));
  for (auto& [key, extension] : extensions_)
    if (auto error = system.core().extensions().add(system, key, std::move(extension)))
      throw std::runtime_error("build: " + error->to_string());
  return system;
}

}  // namespace coerce
