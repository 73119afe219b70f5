// What a shutdown says of those that did not end.

#include <coerce/actor/ref.hpp>
#include <coerce/runtime/when.hpp>

#include "actor/shutdown.hpp"
#include "actor/snapshot.hpp"
#include "actor/system_core.hpp"

namespace coerce::detail {

namespace {

constexpr std::size_t kMostListed = 1000;
constexpr std::size_t kMostAsked = 10'000;
constexpr std::size_t kMostLogged = 100;

/// The actor whose handler or hook the calling coroutine is part of.
Cell* calling_actor() noexcept {
  Unit* unit = thread_state().unit;
  return unit != nullptr ? as_cell(*unit) : nullptr;
}

/// What keeps an actor that has answered; empty: nothing but its children.
std::string work_of(const ActorDescription& actor) {
  if (!actor.current_message.empty() || actor.handling_for == Duration::zero())
    return actor.current_message;
  return "a hook";
}

}  // namespace

struct Shutdown::Listing {
  Listing(ShutdownReport& into, TimePoint deadline) noexcept : report(into), until(deadline) {}

  void add(Cell& cell, std::string_view message_type, Duration handling_for) {
    if (report.stuck.size() == kMostListed) return;
    StuckActor stuck;
    stuck.path = cell.full_path();
    stuck.actor_type = cell.type->name;
    stuck.message_type = message_type;
    stuck.handling_for = handling_for;
    report.stuck.push_back(std::move(stuck));
  }
  /// One that cannot answer.
  void add_busy(Cell& cell) { add(cell, message_taken_last(cell), report.took); }

  ShutdownReport& report;
  const TimePoint until;
  std::size_t asked = 0;
};

// How many were listed. The question goes by the system lane, which a suspended actor answers too.
Task<std::size_t> Shutdown::list(CellRef cell, Listing& listing) {
  if (listing.report.stuck.size() == kMostListed || ++listing.asked > kMostAsked) co_return 0;
  SnapshotAwaiter awaiter(*cell, TakeSnapshot(kMostListed, false), listing.until - now());
  Result<Snapshot> answer = co_await awaiter;
  if (!answer) {
    if (answer.error().kind() == ActorRefErr::Kind::InvalidRef) co_return 0;  // ended meanwhile
    listing.add_busy(*cell);
    co_return 1;
  }
  std::vector<Task<std::size_t>> below;
  below.reserve(answer->children.size());
  for (CellRef& child : answer->children) below.push_back(list(std::move(child), listing));
  std::size_t count = 0;
  const std::vector<std::size_t> listed = co_await when_all(std::move(below));
  for (const std::size_t each : listed) count += each;
  const std::string work = work_of(answer->self);
  if (count != 0 && work.empty()) co_return count;
  listing.add(*cell, work, answer->self.handling_for);
  co_return count + 1;
}

Task<ShutdownReport> Shutdown::look(TimePoint began, TimePoint until) {
  ShutdownReport report;
  report.complete = false;
  report.phase = phase_.load(std::memory_order_relaxed);
  report.took = now() - began;
  report.stuck_tasks = system_.scheduler().spawned_count();
  Listing listing(report, later(until, kGrace));
  Extensions& extensions = system_.extensions();
  std::vector<CellRef> cells;
  if (Cell* caller = calling_actor()) {
    listing.add_busy(*caller);
    co_return report;
  }
  system_.list_users(cells, kMostListed);
  for (std::size_t i = 0; i < extensions.size(); ++i) {
    ExtensionSlot& slot = extensions[i];
    const bool late = (slot.accepting_ends && !slot.accepts_no_more.is_set()) ||
                      (slot.stopping && !slot.stopped.is_set());
    if (late || slot.failed) report.stuck_extensions.emplace_back(slot.extension->name());
    const std::lock_guard guard(slot.actors.lock);
    if (slot.closed) slot.actors.list(cells, kMostListed);
  }
  std::vector<Task<std::size_t>> lists;
  lists.reserve(cells.size());
  for (CellRef& cell : cells) lists.push_back(list(std::move(cell), listing));
  co_await when_all(std::move(lists));
  co_return report;
}

void log_incomplete(const SystemCore& system, const ShutdownReport& report) {
  if (report.complete) return;
  using Milliseconds = std::chrono::duration<double, std::milli>;
  const std::string_view name = system.name().view();
  log(system, LogLevel::Error, name,
      "the shutdown was incomplete after {:.0f} ms, phase {}: {} actors, {} extensions and {} "
      "tasks "
      "are left",
      Milliseconds(report.took).count(), to_string(report.phase), report.stuck.size(),
      report.stuck_extensions.size(), report.stuck_tasks);
  for (const std::string& extension : report.stuck_extensions)
    log(system, LogLevel::Error, name, "extension {} did not stop", extension);
  for (std::size_t i = 0; i < std::min(report.stuck.size(), kMostLogged); ++i) {
    const StuckActor& stuck = report.stuck[i];
    log(system, LogLevel::Error, stuck.path.view(), "{} did not stop: it handles {} for {:.0f} ms",
        stuck.actor_type, stuck.message_type.empty() ? "nothing" : stuck.message_type,
        Milliseconds(stuck.handling_for).count());
  }
}

}  // namespace coerce::detail
