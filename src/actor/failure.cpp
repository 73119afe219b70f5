#include "actor/failure.hpp"

#include <coerce/actor/detail/foreign.hpp>

#include "actor/system_core.hpp"

namespace coerce::detail {

std::string text_of(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "an exception of a type that is no std::exception";
  }
}

ActorRefErr handler_failed(const std::exception_ptr& error, Cell&, std::string_view) noexcept {
  return ActorRefErr::HandlerFailed(text_of(error));
}

void count_dead_letter(Cell& cell, std::string_view message_type) noexcept {
  cell.system->count_dead_letter();
  EventHub& events = cell.system->events();
  if (events.wants<DeadLetter>())
    events.publish(
        DeadLetter{cell.full_path(), std::string(actor_type_of(cell)), std::string(message_type)});
}

}  // namespace coerce::detail
