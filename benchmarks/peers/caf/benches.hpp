/// \file
/// The benchmarks on CAF. Each runs once on a started actor system and gives what its interval
/// cost.

#pragma once

#include <caf/actor_system.hpp>

#include <cstdint>

#include "../program.hpp"

namespace peers::caf_peer {

// messaging.cpp
Measurement pingpong(caf::actor_system& system, Sizes sizes);
Measurement ring(caf::actor_system& system, Sizes sizes);
Measurement fan_in(caf::actor_system& system, Sizes sizes, std::uint64_t producers);
Measurement ask(caf::actor_system& system, Sizes sizes);
Measurement all_to_all(caf::actor_system& system, Sizes sizes);

// creation.cpp
Measurement create(caf::actor_system& system, Sizes sizes);
Measurement skynet(caf::actor_system& system, Sizes sizes);
Measurement memory(caf::actor_system& system, Sizes sizes);

}  // namespace peers::caf_peer
