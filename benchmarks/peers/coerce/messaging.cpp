#include "benches.hpp"
#include "support.hpp"

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace peers::coerce_peer {
namespace {

class Passer;

/// Here is whom to send to.
struct Link {
  explicit Link(LocalActorRef<Passer> to) : next(std::move(to)) {}
  LocalActorRef<Passer> next;
};

/// Passes the counter on, one less; whoever gets 0 ends the run.
class Passer : public coerce::Actor {
 public:
  explicit Passer(Signal& done) : done_(&done) {}

  void handle(Link link, ActorContext&) { next_ = std::move(link.next); }
  void handle(Count hops_left, ActorContext&);

 private:
  std::optional<LocalActorRef<Passer>> next_;
  Signal* done_;
};

inline void Passer::handle(Count hops_left, ActorContext&) {
  if (hops_left.value == 0) {
    done_->set();
  } else {
    next_->notify(Count{hops_left.value - 1});
  }
}

/// Sends one counter round a circle of `size` actors.
Measurement circle(const ActorSystem& system, std::uint64_t size, std::uint64_t hops) {
  Signal done;
  std::vector<LocalActorRef<Passer>> actors;
  actors.reserve(size);
  for (std::uint64_t i = 0; i < size; ++i) actors.push_back(start(system, Passer(done)));
  for (std::uint64_t i = 0; i < size; ++i) actors[i].notify(Link(actors[(i + 1) % size]));

  const Stopwatch watch;
  actors[0].notify(Count{hops});
  wait(system, done);
  const auto measured = watch.stop(hops);
  stop_all(actors);
  return measured;
}

class Consumer : public coerce::Actor {
 public:
  Consumer(std::uint64_t expected, Signal& done) : left_(expected), done_(&done) {}

  void handle(Count, ActorContext&) {
    if (--left_ == 0) done_->set();
  }

 private:
  std::uint64_t left_;
  Signal* done_;
};

class Producer : public coerce::Actor {
 public:
  Producer(LocalActorRef<Consumer> consumer, std::uint64_t messages)
      : consumer_(std::move(consumer)), left_(messages) {}

  void handle(Go, ActorContext& context) {
    for (std::uint64_t i = 0; i < Sizes::batch; ++i) consumer_.notify(Count{left_--});
    if (left_ > 0) context.actor_ref<Producer>().notify(Go{});
  }

 private:
  LocalActorRef<Consumer> consumer_;
  std::uint64_t left_;
};

struct Question {
  using Result = std::uint64_t;
  std::uint64_t value;
};

class Answerer : public coerce::Actor {
 public:
  std::uint64_t handle(Question question, ActorContext&) { return question.value + 1; }
};

class Asker : public coerce::Actor {
 public:
  Asker(LocalActorRef<Answerer> answerer, std::uint64_t round_trips, Signal& done)
      : answerer_(std::move(answerer)), round_trips_(round_trips), done_(&done) {}

  Task<void> handle(Go, ActorContext&) {
    std::uint64_t n = 0;
    while (n < round_trips_) {
      const auto answer = co_await answerer_.send(Question{n});
      n = answer.value();
    }
    done_->set();
  }

 private:
  LocalActorRef<Answerer> answerer_;
  std::uint64_t round_trips_;
  Signal* done_;
};

class Member;

/// `members` is complete before the first message is sent.
struct Group {
  std::uint64_t rounds = 0;
  std::vector<LocalActorRef<Member>> members;
  std::atomic<std::uint64_t> running{0};
  Signal done;
};

class Member : public coerce::Actor {
 public:
  Member(Group& group, std::uint64_t index) : group_(&group), index_(index) {}

  void handle(Go, ActorContext&) { send_due_rounds(); }
  void handle(Count, ActorContext&) {
    if (++received_ == group_->rounds * others()) {
      if (group_->running.fetch_sub(1) == 1) group_->done.set();
    } else {
      send_due_rounds();
    }
  }

 private:
  std::uint64_t others() const { return group_->members.size() - 1; }
  void send_due_rounds();

  Group* group_;
  std::uint64_t index_;
  std::uint64_t rounds_sent_ = 0;
  std::uint64_t received_ = 0;
};

void Member::send_due_rounds() {
  while (rounds_sent_ < group_->rounds && received_ >= rounds_sent_ * others()) {
    ++rounds_sent_;
    for (std::uint64_t i = 0; i < group_->members.size(); ++i) {
      if (i != index_) group_->members[i].notify(Count{rounds_sent_});
    }
  }
}

}  // namespace

Measurement pingpong(const ActorSystem& system, Sizes sizes) {
  return circle(system, 2, sizes.hops());
}

Measurement ring(const ActorSystem& system, Sizes sizes) {
  return circle(system, Sizes::ring_actors, sizes.hops());
}

Measurement fan_in(const ActorSystem& system, Sizes sizes, std::uint64_t producers) {
  const auto each = sizes.messages_per_producer(producers);
  Signal done;
  const auto consumer = start(system, Consumer(producers * each, done));
  std::vector<LocalActorRef<Producer>> actors;
  actors.reserve(producers);
  for (std::uint64_t i = 0; i < producers; ++i) {
    actors.push_back(start(system, Producer(consumer, each)));
  }

  const Stopwatch watch;
  for (const auto& producer : actors) producer.notify(Go{});
  wait(system, done);
  const auto measured = watch.stop(producers * each);
  stop_all(actors);
  consumer.stop_blocking();
  return measured;
}

Measurement ask(const ActorSystem& system, Sizes sizes) {
  const auto round_trips = sizes.round_trips();
  Signal done;
  const auto answerer = start(system, Answerer());
  const auto asker = start(system, Asker(answerer, round_trips, done));

  const Stopwatch watch;
  asker.notify(Go{});
  wait(system, done);
  const auto measured = watch.stop(round_trips);
  asker.stop_blocking();
  answerer.stop_blocking();
  return measured;
}

Measurement all_to_all(const ActorSystem& system, Sizes sizes) {
  constexpr auto size = Sizes::all_to_all_actors;
  Group group;
  group.rounds = sizes.rounds();
  group.running = size;
  for (std::uint64_t i = 0; i < size; ++i) group.members.push_back(start(system, Member(group, i)));

  const Stopwatch watch;
  for (const auto& member : group.members) member.notify(Go{});
  wait(system, group.done);
  const auto measured = watch.stop(size * (size - 1) * sizes.rounds());
  stop_all(group.members);
  return measured;
}

}  // namespace peers::coerce_peer
