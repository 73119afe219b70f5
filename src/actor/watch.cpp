#include <coerce/actor/watch.hpp>

#include <coerce/actor/detail/foreign.hpp>

#include "actor/cell_extras.hpp"
#include "actor/planted.hpp"
#include "actor/post.hpp"
#include "actor/system_core.hpp"

namespace coerce::detail {

namespace {

constexpr std::size_t kMostWatched = 65'536;

void tell_attached_ended(Cell& parent, Cell& ended) noexcept {
  ended.retain_memory();
  tell_child_ended(parent, ended);
}

enum class Relation : std::uint8_t { Watch, Unwatch, Attach, Detach };

/// What one actor becomes to another.
struct RelationEnvelope : Envelope {
  RelationEnvelope(Cell& by, Relation what) noexcept
      : Envelope(&arrived, Completion::Pooled, pool_class(sizeof(RelationEnvelope))),
        other(&by),
        relation(what) {
    by.retain_memory();
  }

  static bool arrived(Envelope& envelope, Unit& unit, Op op, void*) {
    auto& self = static_cast<RelationEnvelope&>(envelope);
    Cell& cell = cell_of(unit);
    const bool alive = op == Op::Control;
    switch (self.relation) {
      case Relation::Watch:
        if (alive)
          cell.more().watchers.insert(*self.other);
        else
          tell_terminated(*self.other, cell);
        break;
      case Relation::Unwatch:
        if (alive && cell.extras != nullptr) cell.extras->watchers.erase(*self.other);
        break;
      case Relation::Attach:
        if (alive)
          cell.more().attached_to.insert(*self.other);
        else
          tell_attached_ended(*self.other, cell);
        break;
      case Relation::Detach:
        if (alive && cell.extras != nullptr) cell.extras->attached_to.erase(*self.other);
        break;
    }
    self.free();
    return true;
  }
  void free() noexcept {
    other->release_memory();
    free_envelope(thread_state(), *this);
  }

  Cell* other;
  Relation relation;
};

// False: the target has ended.
bool post_relation(Cell& other, Cell& target, Relation relation) {
  if (ForeignCell* foreign = as_foreign(target)) {  // it is nobody's child, and watched elsewhere
    foreign->port->unwatch(other, *foreign);
    return true;
  }
  auto* envelope = new (pool_allocate(sizeof(RelationEnvelope))) RelationEnvelope(other, relation);
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
  if (ForeignCell* foreign = as_foreign(target)) {
    auto watched = foreign->port->watch(watcher, *foreign);
    if (!watched) watching.erase(target);
    return watched;
  }
  if (!post_relation(watcher, target, Relation::Watch)) {
    // Pairs with the store in Cell::close(): the reason is there.
    (void)target.status.load(std::memory_order_acquire);
    tell_terminated(watcher, target);
  }
  return {};
}

void unwatch_cell(Cell& watcher, Cell& target) {
  if (forget_watched(watcher, target)) post_relation(watcher, target, Relation::Unwatch);
}

bool forget_watched(Cell& watcher, Cell& target) noexcept {
  return watcher.extras != nullptr && watcher.extras->watching.erase(target);
}

void tell_terminated(Cell& watcher, Cell& ended) noexcept {
  tell_terminated(watcher, ended, ended.stop_reason());
}

void tell_terminated(Cell& watcher, Cell& ended, StopReason reason) noexcept {
  ThreadState& thread = thread_state();
  using Notice = NotifyEnvelope<ActorTerminated>;
  auto* notice = new (pool_allocate(thread, sizeof(Notice))) Notice(
      watcher.type->handle_terminated, BoxedActorRef(CellRef::share(ended)), std::move(reason));
  if (watcher.entry.load(std::memory_order_relaxed) != Entry::Closed) {
    watcher.enqueue_own(thread, *notice);
    return;
  }
  std::destroy_at(&notice->payload);
  free_envelope(thread, *notice);
}

Result<void> attach_child(Cell& parent, Cell& child) {
  if (&parent == &child)
    return coerce::unexpected(ActorRefErr::NotSupported(parent.id(), "", parent.type->name,
                                                        "an actor cannot be its own child"));
  if (as_foreign(child) != nullptr)
    return coerce::unexpected(ActorRefErr::NotSupported(
        child.id(), "", actor_type_of(child), "an actor of another node cannot be a child"));
  if (parent.find_child_cell(child.id_view()) != nullptr)
    return coerce::unexpected(ActorRefErr::AlreadyExists(child.id()));
  if (parent.child_count() >= parent.system->max_children())
    return coerce::unexpected(
        ActorRefErr::Overloaded("the parent has as many children as max_children allows"));
  CellSet& attached = parent.more().attached;
  attached.insert(child);
  if (post_relation(parent, child, Relation::Attach)) return {};
  attached.erase(child);
  return coerce::unexpected(ActorRefErr::InvalidRef());
}

void Cell::tell_watchers() noexcept {
  extras->attached.drain([this](Cell& child) {
    if (post_relation(*this, child, Relation::Detach))
      post_stop(child, StopReasonKind::ParentStopped);
  });
  extras->attached_to.drain([this](Cell& other) { tell_attached_ended(other, *this); });
  extras->watchers.drain([this](Cell& watcher) {
    if (!planted(Bug::FinaliserSkipsWatchers)) tell_terminated(watcher, *this);
  });
  extras->watching.drain([this](Cell& target) { post_relation(*this, target, Relation::Unwatch); });
}

}  // namespace coerce::detail
