#include "benches.hpp"
#include "support.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace peers::caf_peer {
namespace {

/// Tells its parent that it is up, then waits to be stopped.
caf::behavior child(caf::event_based_actor* self, const caf::actor& parent) {
  self->send(parent, UpAtom::value, std::uint64_t{1});
  return {
      [self](StopAtom, std::uint64_t) { self->quit(); },
  };
}

struct Children {
  std::uint64_t left = 0;
  caf::actor current;
};

caf::behavior parent(caf::stateful_actor<Children>* self, std::uint64_t children, Signal* done) {
  self->state.left = children;
  const auto create = [self] {
    self->state.current = self->spawn<caf::monitored>(child, caf::actor{self});
  };
  self->set_down_handler([self, create, done](const caf::down_msg&) {
    if (--self->state.left > 0) {
      create();
    } else {
      done->set();
      self->quit();
    }
  });
  return {
      [create](GoAtom) { create(); },
      [self](UpAtom, std::uint64_t n) { self->send(self->state.current, StopAtom::value, n); },
  };
}

struct Sum {
  caf::actor parent;
  std::uint64_t pending = Sizes::skynet_fan_out;
  std::uint64_t sum = 0;
};

/// The root of a subtree of `leaves` leaves, the first of which has the number `first`.
caf::behavior node(caf::stateful_actor<Sum>* self, const caf::actor& parent, std::uint64_t first,
                   std::uint64_t leaves) {
  if (leaves == 1) {
    self->send(parent, first);
    return {};
  }
  self->state.parent = parent;
  const auto share = leaves / Sizes::skynet_fan_out;
  for (std::uint64_t i = 0; i < Sizes::skynet_fan_out; ++i) {
    self->spawn(node, caf::actor{self}, first + i * share, share);
  }
  return {
      [self](std::uint64_t n) {
        self->state.sum += n;
        if (--self->state.pending == 0) {
          self->send(self->state.parent, self->state.sum);
          self->quit();
        }
      },
  };
}

/// Above the tree's root: starts it and checks the sum.
caf::behavior tree_owner(caf::event_based_actor* self, std::uint64_t leaves, Signal* done) {
  return {
      [self, leaves](GoAtom) { self->spawn(node, caf::actor{self}, std::uint64_t{0}, leaves); },
      [self, leaves, done](std::uint64_t sum) {
        if (sum != leaves * (leaves - 1) / 2) {
          std::fprintf(stderr, "skynet: wrong sum\n");
          std::abort();
        }
        done->set();
        self->quit();
      },
  };
}

struct Counter {
  std::uint64_t value = 0;
};

/// Set when the last of `starting` actors is up.
struct Arrivals {
  std::atomic<std::uint64_t> starting;
  Signal all_up;
};

caf::behavior idle(caf::stateful_actor<Counter>* self, Arrivals* arrivals) {
  if (arrivals->starting.fetch_sub(1) == 1) arrivals->all_up.set();
  return {
      [self](std::uint64_t n) { self->state.value += n; },
  };
}

}  // namespace

Measurement create(caf::actor_system& system, Sizes sizes) {
  Signal done;
  const auto actor = system.spawn(parent, sizes.children(), &done);
  const Stopwatch watch;
  caf::anon_send(actor, GoAtom::value);
  done.wait();
  return watch.stop(sizes.children());
}

Measurement skynet(caf::actor_system& system, Sizes sizes) {
  Signal done;
  const auto actor = system.spawn(tree_owner, sizes.leaves(), &done);
  const Stopwatch watch;
  caf::anon_send(actor, GoAtom::value);
  done.wait();
  return watch.stop(sizes.leaves());
}

Measurement memory(caf::actor_system& system, Sizes sizes) {
  const auto count = sizes.idle_actors();
  Actors actors;
  actors.reserve(count);
  Arrivals arrivals{.starting = count, .all_up = {}};

  const auto before = resident_bytes();
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < count; ++i) actors.push_back(system.spawn(idle, &arrivals));
  arrivals.all_up.wait();
  auto measured = watch.stop(count);
  measured.bytes_per_actor = (resident_bytes() - before) / static_cast<double>(count);
  return measured;
}

}  // namespace peers::caf_peer
