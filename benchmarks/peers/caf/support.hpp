/// \file
/// The atoms that the benchmarks send, and what every one of them needs.

#pragma once

#include <caf/all.hpp>

#include <vector>

namespace peers::caf_peer {

using GoAtom = caf::atom_constant<caf::atom("go")>;      // start, or go on with the next step
using LinkAtom = caf::atom_constant<caf::atom("link")>;  // here is whom to send to
using UpAtom = caf::atom_constant<caf::atom("up")>;      // a child has started
using StopAtom = caf::atom_constant<caf::atom("stop")>;

using Actors = std::vector<caf::actor>;

/// Ends actors that hold handles to each other and would otherwise keep themselves alive.
inline void stop_all(const Actors& actors) {
  for (const auto& actor : actors) caf::anon_send_exit(actor, caf::exit_reason::kill);
}

}  // namespace peers::caf_peer
