#include "benches.hpp"
#include "support.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

namespace peers::coerce_peer {
namespace {

class Child : public coerce::Actor {};

/// Spawning resumes when the child has started, and stopping when it has ended.
class Parent : public coerce::Actor {
 public:
  Parent(std::uint64_t children, Signal& done) : children_(children), done_(&done) {}

  Task<void> handle(Go, ActorContext& context) {
    for (std::uint64_t i = 0; i < children_; ++i) {
      const auto child = co_await context.spawn<Child>(coerce::ActorId());
      const auto stopped = co_await child.value().stop();
      if (!stopped) std::abort();
    }
    done_->set();
  }

 private:
  std::uint64_t children_;
  Signal* done_;
};

/// The root of a subtree of `leaves` leaves, the first of which has the number `first`. It ends
/// when nobody refers to it any more: its parent never did, its children did until they ended.
class Node : public coerce::Actor {
 public:
  Node(coerce::Receiver<Count> parent, std::uint64_t first, std::uint64_t leaves)
      : parent_(std::move(parent)), first_(first), leaves_(leaves) {}

  void started(ActorContext& context) {
    if (leaves_ == 1) {
      parent_.notify(Count{first_});
      return;
    }
    const auto share = leaves_ / Sizes::skynet_fan_out;
    const coerce::Receiver<Count> self(context.actor_ref<Node>());
    for (std::uint64_t i = 0; i < Sizes::skynet_fan_out; ++i) {
      context.spawn_deferred(coerce::ActorId(), Node(self, first_ + i * share, share)).value();
    }
  }
  void handle(Count count, ActorContext&) {
    sum_ += count.value;
    if (--pending_ == 0) parent_.notify(Count{sum_});
  }

 private:
  coerce::Receiver<Count> parent_;
  std::uint64_t first_;
  std::uint64_t leaves_;
  std::uint64_t pending_ = Sizes::skynet_fan_out;
  std::uint64_t sum_ = 0;
};

/// Above the tree's root: starts it and checks the sum.
class TreeOwner : public coerce::Actor {
 public:
  TreeOwner(std::uint64_t leaves, Signal& done) : leaves_(leaves), done_(&done) {}

  void handle(Go, ActorContext& context) {
    const coerce::Receiver<Count> self(context.actor_ref<TreeOwner>());
    context.spawn_deferred(coerce::ActorId(), Node(self, 0, leaves_)).value();
  }
  void handle(Count sum, ActorContext&) {
    if (sum.value != leaves_ * (leaves_ - 1) / 2) {
      std::fprintf(stderr, "skynet: wrong sum\n");
      std::abort();
    }
    done_->set();
  }

 private:
  std::uint64_t leaves_;
  Signal* done_;
};

class Idle : public coerce::Actor {
 public:
  void handle(Count count, ActorContext&) { value_ += count.value; }

 private:
  std::uint64_t value_ = 0;
};

}  // namespace

Measurement create(const ActorSystem& system, Sizes sizes) {
  Signal done;
  const auto parent = start(system, Parent(sizes.children(), done));
  const Stopwatch watch;
  parent.notify(Go{});
  wait(system, done);
  const auto measured = watch.stop(sizes.children());
  parent.stop_blocking();
  return measured;
}

Measurement skynet(const ActorSystem& system, Sizes sizes) {
  Signal done;
  const auto owner = start(system, TreeOwner(sizes.leaves(), done));
  const Stopwatch watch;
  owner.notify(Go{});
  wait(system, done);
  const auto measured = watch.stop(sizes.leaves());
  owner.stop_blocking();
  return measured;
}

Measurement memory(const ActorSystem& system, Sizes sizes) {
  const auto count = sizes.idle_actors();
  std::vector<LocalActorRef<Idle>> actors;
  actors.reserve(count);
  const auto create_all = [&]() -> Task<void> {
    for (std::uint64_t i = 0; i < count; ++i) {
      auto actor = co_await system.new_anon_actor(Idle());
      actors.push_back(std::move(actor).value());
    }
  };

  const auto before = resident_bytes();
  const Stopwatch watch;
  system.block_on(create_all());
  auto measured = watch.stop(count);
  measured.bytes_per_actor = (resident_bytes() - before) / static_cast<double>(count);
  return measured;
}

}  // namespace peers::coerce_peer
