/// \file
/// The messages that the benchmarks send, and what every one of them needs.

#pragma once

#include <coerce/actor.hpp>

#include <cstdint>
#include <utility>
#include <vector>

#include "../program.hpp"

namespace peers::coerce_peer {

using coerce::ActorContext;
using coerce::ActorSystem;
using coerce::LocalActorRef;
using coerce::Task;

/// The counter that every message carries.
struct Count {
  std::uint64_t value;
};

/// Start, or go on with the next step.
struct Go {};

/// An anonymous actor that has started.
template <class A>
LocalActorRef<A> start(const ActorSystem& system, A actor) {
  return system.block_on(system.new_anon_actor(std::move(actor))).value();
}

/// Waits for the end of the work; a system without threads is driven to it.
inline void wait(const ActorSystem& system, Signal& done) {
  if (system.scheduler().workers() == 0) system.run();
  done.wait();
}

/// Ends actors that may hold references to each other.
template <class A>
void stop_all(const std::vector<LocalActorRef<A>>& actors) {
  for (const auto& actor : actors) actor.stop_blocking();
}

}  // namespace peers::coerce_peer
