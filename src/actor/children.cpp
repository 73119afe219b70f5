// The children of a cell; used by its owner alone.

#include "actor/cell_extras.hpp"

namespace coerce::detail {

namespace {
constexpr std::size_t kIndexFrom = 32;  // children; below, a walk along the list is faster
}

CellExtras& Cell::more() {
  if (extras == nullptr) extras = new CellExtras();
  return *extras;
}

Cell* Cell::find_child_cell(std::string_view id) noexcept {
  if (extras == nullptr) return nullptr;
  Cell* found = nullptr;
  extras->attached.for_each([&](Cell& child) {
    if (child.id_view() == id) found = &child;
  });
  if (found != nullptr) return found;
  if (extras->child_count >= kIndexFrom) {
    const auto place = extras->child_index.find(id);
    return place != extras->child_index.end() ? place->second : nullptr;
  }
  for (Cell* child = extras->children; child != nullptr; child = child->next_live)
    if (const SharedText* text = child->id_text.load(std::memory_order_acquire);
        text != nullptr && text->view() == id)
      return child;
  return nullptr;
}

std::size_t Cell::child_count() const noexcept {
  return extras != nullptr ? extras->child_count + extras->attached.size() : 0;
}

void Cell::add_child(Cell& child) {
  CellExtras& mine = more();
  child.next_live = mine.children;
  child.previous_live = &mine.children;
  if (mine.children != nullptr) mine.children->previous_live = &child.next_live;
  mine.children = &child;
  if (++mine.child_count < kIndexFrom) return;
  if (mine.child_count == kIndexFrom) {
    for (Cell* each = mine.children; each != nullptr; each = each->next_live)
      mine.child_index.emplace(each->id_view(), each);
  } else {
    mine.child_index.emplace(child.id_view(), &child);
  }
}

void Cell::child_ended(Cell& child) noexcept {
  if (child.parent == this) {
    *child.previous_live = child.next_live;
    if (child.next_live != nullptr) child.next_live->previous_live = child.previous_live;
    if (extras->child_count >= kIndexFrom) extras->child_index.erase(child.id_view());
    if (--extras->child_count == kIndexFrom - 1) extras->child_index.clear();
  } else if (!extras->attached.erase(child)) {
    child.release_memory();
    return;
  }
  const bool told_otherwise = child.extras != nullptr && child.extras->failed_start != nullptr;
  SharedError escalated;
  if (child.parent == this && child.extras != nullptr) escalated = child.extras->escalated;
  if ((type->has_child_stopped && !told_otherwise) || escalated) {
    extras->ended_children.push_back(
        EndedChild{ChildStopped(child.id(), child.stop_reason()), std::move(escalated)});
    attention |= kChildEnded;
  }
  child.release_memory();
}

}  // namespace coerce::detail
