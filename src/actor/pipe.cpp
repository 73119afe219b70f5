#include <coerce/actor/pipe.hpp>

#include "actor/system_core.hpp"

namespace coerce::detail {

void spawn_on_system(Cell& cell, Task<void> task, std::string_view what) {
  if (!cell.system->scheduler().spawn(std::move(task)))
    cell.system->count_failure(cell, "the system has too many spawned tasks", what);
}

void count_pipe_failure(Cell& cell, const ActorRefErr& error) noexcept {
  const bool thrown = error.kind() == ActorRefErr::Kind::HandlerFailed;
  cell.system->count_failure(cell, thrown ? std::string(error.detail()) : error.to_string(),
                             "pipe_to");
}

ActorRefErr other_type(Cell& cell, std::string_view message_type) noexcept {
  return ActorRefErr::NotSupported(cell.id(), message_type, cell.type->name,
                                   "the actor is of another type");
}

}  // namespace coerce::detail
