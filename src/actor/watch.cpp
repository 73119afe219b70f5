#include <coerce/actor/watch.hpp>

#include "actor/cell_extras.hpp"

namespace coerce::detail {

namespace {

constexpr std::size_t kMostWatched = 65'536;

/// One actor begins or ceases to watch another.
struct WatchEnvelope : Envelope {
  WatchEnvelope(Cell& by, bool begins) noexcept
      : Envelope(&arrived, Completion::Pooled, pool_class(sizeof(WatchEnvelope))),
        watcher(&by),
        watches(begins) {
    by.retain_memory();
  }

  static bool arrived(Envelope& envelope, Unit& unit, Op op, void*) {
    auto& self = static_cast<WatchEnvelope&>(envelope);
    Cell& cell = cell_of(unit);
    if (op == Op::Control && self.watches)
      cell.more().watchers.insert(*self.watcher);
    else if (op == Op::Control && cell.extras != nullptr)
      cell.extras->watchers.erase(*self.watcher);
    else if (self.watches)
      tell_terminated(*self.watcher, cell);
    self.free();
    return true;
  }
  void free() noexcept {
    watcher->release_memory();
    free_envelope(thread_state(), *this);
  }

  Cell* watcher;
  bool watches;
};

// False: the target has ended.
bool post_watch(Cell& watcher, Cell& target, bool begins) {
  auto* envelope = new (pool_allocate(sizeof(WatchEnvelope))) WatchEnvelope(watcher, begins);
  if (target.post(*envelope)) return true;
  envelope->free();
  return false;
}

}  // namespace

Result<void> watch_cell(Cell& watcher, Cell& target) {
  if (&watcher == &target)
    return coerce::unexpected(ActorRefErr::NotSupported(
        watcher.id(), "ActorTerminated", watcher.type->name, "an actor cannot watch itself"));
  if (watcher.type->handle_terminated == nullptr)
    return coerce::unexpected(
        ActorRefErr::NotSupported(watcher.id(), "ActorTerminated", watcher.type->name,
                                  "the watching actor has no handler for ActorTerminated"));
  CellSet& watching = watcher.more().watching;
  if (watching.size() >= kMostWatched)
    return coerce::unexpected(ActorRefErr::Overloaded("an actor watches at most 65 536 others"));
  if (!watching.insert(target)) return {};
  if (!post_watch(watcher, target, true)) {
    // Pairs with the store in Cell::close(): the reason is there.
    (void)target.status.load(std::memory_order_acquire);
    tell_terminated(watcher, target);
  }
  return {};
}

void unwatch_cell(Cell& watcher, Cell& target) {
  if (forget_watched(watcher, target)) post_watch(watcher, target, false);
}

bool forget_watched(Cell& watcher, Cell& target) noexcept {
  return watcher.extras != nullptr && watcher.extras->watching.erase(target);
}

void tell_terminated(Cell& watcher, Cell& ended) noexcept {
  ThreadState& thread = thread_state();
  using Notice = NotifyEnvelope<ActorTerminated>;
  auto* notice = new (pool_allocate(thread, sizeof(Notice))) Notice(
      watcher.type->handle_terminated, BoxedActorRef(CellRef::share(ended)), ended.stop_reason());
  if (watcher.entry.load(std::memory_order_relaxed) != Entry::Closed) {
    watcher.enqueue_own(thread, *notice);
    return;
  }
  std::destroy_at(&notice->payload);
  free_envelope(thread, *notice);
}

void Cell::tell_watchers() noexcept {
  extras->watchers.drain([this](Cell& watcher) { tell_terminated(watcher, *this); });
  extras->watching.drain([this](Cell& target) { post_watch(*this, target, false); });
}

}  // namespace coerce::detail
