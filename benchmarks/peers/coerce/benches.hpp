/// \file
/// The benchmarks on coerce. Each runs once on a running actor system and gives what its interval
/// cost. The library's own suite runs them too, also on systems without threads.

#pragma once

#include <coerce/actor.hpp>

#include <cstdint>

#include "../program.hpp"

namespace peers::coerce_peer {

// messaging.cpp
Measurement pingpong(const coerce::ActorSystem& system, Sizes sizes);
Measurement ring(const coerce::ActorSystem& system, Sizes sizes);
Measurement fan_in(const coerce::ActorSystem& system, Sizes sizes, std::uint64_t producers);
Measurement ask(const coerce::ActorSystem& system, Sizes sizes);
Measurement all_to_all(const coerce::ActorSystem& system, Sizes sizes);

// creation.cpp
Measurement create(const coerce::ActorSystem& system, Sizes sizes);
Measurement skynet(const coerce::ActorSystem& system, Sizes sizes);
Measurement memory(const coerce::ActorSystem& system, Sizes sizes);

}  // namespace peers::coerce_peer
