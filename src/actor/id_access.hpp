/// \file
/// How the module reaches into an ActorId.

#pragma once

#include <coerce/actor/id.hpp>
#include <coerce/runtime/rng.hpp>

namespace coerce::detail {

struct IdAccess {
  static ActorId adopt(SharedText* text) noexcept { return ActorId(text); }
  static SharedText* release(ActorId&& id) noexcept { return std::exchange(id.text_, nullptr); }
};

ActorId make_uuid(Rng& rng);
/// The generator of the system that the calling code runs in.
Rng& current_rng();

}  // namespace coerce::detail
