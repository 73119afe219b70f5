// Who refers to a cell, and what it is called.

#include <string>

#include <coerce/actor/detail/foreign.hpp>

#include "actor/cell_envelopes.hpp"
#include "actor/cell_extras.hpp"
#include "actor/id_access.hpp"
#include "actor/system_core.hpp"
#include "runtime/inspection.hpp"

namespace coerce::detail {

namespace {

bool unreferenced_op(Envelope& envelope, Unit& unit, Op op, void*) {
  if (op == Op::Control) cell_of(unit).attention |= Cell::kUnreferenced;
  free_envelope(thread_state(), envelope);
  return true;
}

}  // namespace

void Cell::last_reference_gone() noexcept {
  if (actor_type == ActorType::Anonymous && parent == nullptr &&
      status.load(std::memory_order_acquire) < ActorStatus::Stopping) {
    auto& envelope = make_pooled(&unreferenced_op);
    if (!post(envelope)) free_envelope(thread_state(), envelope);
  }
  release_memory();
}

void Cell::free_memory() noexcept {
  await_no_onlookers();
  SystemCore* core = system;
  Cell* above = parent;
  SharedText::release(id_text.load(std::memory_order_acquire));
  delete extras;
  type->deallocate(*this);
  if (above != nullptr) above->release_memory();
  core->memory_freed();
}

ActorId Cell::id() noexcept {
  SharedText* text = id_text.load(std::memory_order_acquire);
  if (text == nullptr) {
    SharedText* made = IdAccess::release(make_uuid(current_rng()));
    if (id_text.compare_exchange_strong(text, made, std::memory_order_acq_rel))
      text = made;
    else
      SharedText::release(made);
  }
  SharedText::retain(text);
  return IdAccess::adopt(text);
}

std::string_view Cell::id_view() noexcept {
  SharedText* text = id_text.load(std::memory_order_acquire);
  return text != nullptr ? text->view() : id().view();
}

std::uint64_t Cell::context_id() noexcept {
  std::uint64_t given = given_context_id.load(std::memory_order_relaxed);
  if (given != 0) return given;
  const std::uint64_t next = system->next_context_id();
  return given_context_id.compare_exchange_strong(given, next, std::memory_order_relaxed) ? next
                                                                                          : given;
}

ActorPath Cell::container_path() {
  if (const ForeignCell* foreign = as_foreign(*this))
    return ActorPath("node-" + std::to_string(foreign->port->node_id()));
  return parent != nullptr ? parent->full_path() : system->name();
}

ActorPath Cell::full_path() {
  std::string path = container_path().str();
  path += '/';
  path += id_view();
  return ActorPath(path);
}

}  // namespace coerce::detail
