#include "benches.hpp"
#include "support.hpp"

#include <atomic>
#include <memory>
#include <utility>

namespace peers::caf_peer {
namespace {

struct Neighbour {
  caf::actor next;
};

/// Passes the counter on, one less; whoever gets 0 ends the run.
caf::behavior passer(caf::stateful_actor<Neighbour>* self, Signal* done) {
  return {
      [self](LinkAtom, const caf::actor& next) { self->state.next = next; },
      [self, done](std::uint64_t hops_left) {
        if (hops_left == 0) {
          done->set();
        } else {
          self->send(self->state.next, hops_left - 1);
        }
      },
  };
}

/// Sends one counter round a circle of `size` actors.
Measurement circle(caf::actor_system& system, std::uint64_t size, std::uint64_t hops) {
  Signal done;
  Actors actors;
  for (std::uint64_t i = 0; i < size; ++i) actors.push_back(system.spawn(passer, &done));
  for (std::uint64_t i = 0; i < size; ++i) {
    caf::anon_send(actors[i], LinkAtom::value, actors[(i + 1) % size]);
  }

  const Stopwatch watch;
  caf::anon_send(actors[0], hops);
  done.wait();
  const auto measured = watch.stop(hops);
  stop_all(actors);
  return measured;
}

struct Remaining {
  std::uint64_t left = 0;
};

caf::behavior consumer(caf::stateful_actor<Remaining>* self, std::uint64_t expected, Signal* done) {
  self->state.left = expected;
  return {
      [self, done](std::uint64_t) {
        if (--self->state.left == 0) done->set();
      },
  };
}

caf::behavior producer(caf::stateful_actor<Remaining>* self, const caf::actor& consumer,
                       std::uint64_t messages) {
  self->state.left = messages;
  return {
      [self, consumer](GoAtom) {
        auto& left = self->state.left;
        for (std::uint64_t i = 0; i < Sizes::batch; ++i) self->send(consumer, left--);
        if (left > 0) self->send(self, GoAtom::value);
      },
  };
}

caf::behavior answerer(caf::event_based_actor*) {
  return {
      [](std::uint64_t n) { return n + 1; },
  };
}

class Asker {
 public:
  Asker(caf::event_based_actor* self, caf::actor answerer, std::uint64_t round_trips, Signal* done)
      : self_(self), answerer_(std::move(answerer)), round_trips_(round_trips), done_(done) {}

  void ask(std::uint64_t n) const {
    self_->request(answerer_, caf::infinite, n).then([this](std::uint64_t answer) {
      if (answer == round_trips_) {
        done_->set();
      } else {
        ask(answer);
      }
    });
  }

 private:
  caf::event_based_actor* self_;
  caf::actor answerer_;
  std::uint64_t round_trips_;
  Signal* done_;
};

caf::behavior asking_actor(caf::event_based_actor* self, const caf::actor& answerer,
                           std::uint64_t round_trips, Signal* done) {
  auto asker = std::make_shared<Asker>(self, answerer, round_trips, done);
  return {
      [asker](GoAtom) { asker->ask(0); },
  };
}

/// The all-to-all group: `actors` is complete before the first message is sent.
struct Group {
  std::uint64_t rounds = 0;
  Actors actors;
  std::atomic<std::uint64_t> running{0};
  Signal done;
};

struct Progress {
  std::uint64_t rounds_sent = 0;
  std::uint64_t received = 0;
};

caf::behavior member(caf::stateful_actor<Progress>* self, const std::shared_ptr<Group>& group) {
  const auto send_due_rounds = [self, group] {
    auto& [rounds_sent, received] = self->state;
    while (rounds_sent < group->rounds && received >= rounds_sent * (group->actors.size() - 1)) {
      ++rounds_sent;
      for (const auto& other : group->actors) {
        if (other != self) self->send(other, rounds_sent);
      }
    }
  };
  return {
      [send_due_rounds](GoAtom) { send_due_rounds(); },
      [self, group, send_due_rounds](std::uint64_t) {
        if (++self->state.received == group->rounds * (group->actors.size() - 1)) {
          if (group->running.fetch_sub(1) == 1) group->done.set();
        } else {
          send_due_rounds();
        }
      },
  };
}

}  // namespace

Measurement pingpong(caf::actor_system& system, Sizes sizes) {
  return circle(system, 2, sizes.hops());
}

Measurement ring(caf::actor_system& system, Sizes sizes) {
  return circle(system, Sizes::ring_actors, sizes.hops());
}

Measurement fan_in(caf::actor_system& system, Sizes sizes, std::uint64_t producers) {
  const auto each = sizes.messages_per_producer(producers);
  Signal done;
  Actors actors{system.spawn(consumer, producers * each, &done)};
  for (std::uint64_t i = 0; i < producers; ++i)
    actors.push_back(system.spawn(producer, actors[0], each));

  const Stopwatch watch;
  for (std::uint64_t i = 1; i <= producers; ++i) caf::anon_send(actors[i], GoAtom::value);
  done.wait();
  const auto measured = watch.stop(producers * each);
  stop_all(actors);
  return measured;
}

Measurement ask(caf::actor_system& system, Sizes sizes) {
  const auto round_trips = sizes.round_trips();
  Signal done;
  Actors actors{system.spawn(answerer)};
  actors.push_back(system.spawn(asking_actor, actors[0], round_trips, &done));

  const Stopwatch watch;
  caf::anon_send(actors[1], GoAtom::value);
  done.wait();
  const auto measured = watch.stop(round_trips);
  stop_all(actors);
  return measured;
}

Measurement all_to_all(caf::actor_system& system, Sizes sizes) {
  constexpr auto size = Sizes::all_to_all_actors;
  auto group = std::make_shared<Group>();
  group->rounds = sizes.rounds();
  group->running = size;
  for (std::uint64_t i = 0; i < size; ++i) group->actors.push_back(system.spawn(member, group));

  const Stopwatch watch;
  for (const auto& actor : group->actors) caf::anon_send(actor, GoAtom::value);
  group->done.wait();
  const auto measured = watch.stop(size * (size - 1) * sizes.rounds());
  stop_all(group->actors);
  return measured;
}

}  // namespace peers::caf_peer
