/// \file
/// What the server does for a lease: one script, one atomic step.

#pragma once

#include <array>
#include <cstddef>

#include "coordination/redis/client.hpp"

namespace coerce::detail::redis {

/// Places in kLeaseScripts.
enum class LeaseScript : std::size_t { Acquire, Renew, Release };

extern const std::array<Script, 3> kLeaseScripts;

}  // namespace coerce::detail::redis
