/// \file
/// The actors of the stress for local actors, their messages, and the world of one round.

#pragma once

#include <coerce/actor.hpp>

#include "support.hpp"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace coerce::stress {

inline constexpr std::size_t actor_count = 8;
inline constexpr std::uint32_t caller_count = 16;
inline constexpr std::uint32_t sender_count = caller_count + 1;  // and the thread outside

inline Outcomes outcomes;

using MessageToken = Token<struct MessageTag>;
using ActorToken = Token<struct ActorTag>;

// ── Messages. They own something, so they have constructors (DESIGN §3, trap 1) ─────────────────

/// Who sent a message, and as which of its messages: they count from 1.
struct Stamp {
  std::uint32_t sender = 0;
  std::uint64_t sequence = 0;
};

struct Add {  // plain handler; the reply proves that it belongs to this request
  using Result = std::uint64_t;
  Add(Stamp message_stamp, std::uint64_t number) : stamp(message_stamp), value(number) {}
  Stamp stamp;
  std::uint64_t value;
  MessageToken token;
};

struct Nap {  // coroutine handler that is suspended by a timer
  using Result = std::uint64_t;
  Nap(std::chrono::milliseconds duration, std::uint64_t number) : length(duration), value(number) {}
  std::chrono::milliseconds length;
  std::uint64_t value;
  MessageToken token;
};

struct Throw {
  using Result = std::uint64_t;
  explicit Throw(bool after_suspension) : later(after_suspension) {}
  bool later;
  MessageToken token;
};

/// Travels from actor to actor. Without a limit it only ever goes to a higher slot, so that actors
/// cannot wait for each other in a circle; with one it goes anywhere, the sender itself included.
struct Relay {
  using Result = std::uint64_t;
  Relay(std::uint64_t route_seed, int further_hops, std::optional<std::chrono::milliseconds> each)
      : route(route_seed), hops(further_hops), limit(each) {}
  std::uint64_t route;
  int hops;
  std::optional<std::chrono::milliseconds> limit;
  MessageToken token;
};

struct Breed {  // spawns a child, speaks to it, and maybe stops it or lets it fail
  using Result = std::uint64_t;
  explicit Breed(std::uint32_t choice) : fate(choice) {}
  std::uint32_t fate;
  MessageToken token;
};

struct Leave {  // stops itself
  Leave() = default;
  MessageToken token;
};

// ── The world of one round ──────────────────────────────────────────────────────────────────────

class StressActor;

/// The refs through which callers reach the eight actors, replaced as those come and go.
class Slots {
 public:
  std::optional<LocalActorRef<StressActor>> get(std::size_t slot) const {
    const std::lock_guard lock(mutex_);
    return refs_[slot];
  }

  /// Puts a ref in its place and returns the one that stood there, so that nobody drops it inside.
  std::optional<LocalActorRef<StressActor>> put(std::size_t slot, LocalActorRef<StressActor> ref) {
    std::optional<LocalActorRef<StressActor>> previous(std::move(ref));
    const std::lock_guard lock(mutex_);
    previous.swap(refs_[slot]);
    return previous;
  }

 private:
  mutable std::mutex mutex_;
  std::array<std::optional<LocalActorRef<StressActor>>, actor_count> refs_;
};

struct Round {
  Round(std::uint64_t round_seed, std::uint64_t round_number)
      : seed(round_seed),
        number(round_number),
        shut_down_in_traffic(round_number % 3 == 2),
        system(
            ActorSystem::builder().worker_threads(2).seed(round_seed + round_number + 1).build()) {}

  std::uint64_t seed;
  std::uint64_t number;
  bool shut_down_in_traffic;
  Slots slots;
  std::atomic<std::uint64_t> operations{0};
  std::latch half_done{1};
  std::latch callers_done{caller_count};
  ActorSystem system;  // last: nothing that an actor may touch goes before it
};

inline std::string slot_id(std::size_t slot) { return fmt::format("stress-{}", slot); }

// ── Actors ──────────────────────────────────────────────────────────────────────────────────────

/// Marks an actor as busy for the length of a handler, suspensions included.
class Busy {
 public:
  explicit Busy(bool& flag) : flag_(flag) {
    if (flag_) violation("an actor handles two messages at a time");
    flag_ = true;
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() { flag_ = false; }

 private:
  bool& flag_;
};

class Child : public Actor {
 public:
  std::uint64_t handle(const Add& message, ActorContext&) { return message.value + 1; }

  std::uint64_t handle(const Throw&, ActorContext&) { throw std::runtime_error("the child fails"); }

  Task<void> stopped(ActorContext&) { (void)co_await yield(); }

 private:
  ActorToken token_;
};

class StressActor : public Actor {
 public:
  StressActor(Round& round, std::size_t slot, bool fails_to_start)
      : round_(&round), slot_(slot), fails_to_start_(fails_to_start) {}

  Task<void> started(ActorContext&) {
    (void)co_await yield();
    if (fails_to_start_) throw std::runtime_error("does not start");
  }

  Task<void> stopped(ActorContext&) { (void)co_await yield(); }

  std::uint64_t handle(const Add& message, ActorContext&) {
    const Busy busy(busy_);
    auto& last = last_of_[message.stamp.sender];
    if (message.stamp.sequence <= last) {
      violation("sender {}: message {} arrived after {}", message.stamp.sender,
                message.stamp.sequence, last);
    }
    last = message.stamp.sequence;
    return message.value + 1;
  }

  Task<std::uint64_t> handle(Nap message, ActorContext&) {
    const Busy busy(busy_);
    (void)co_await sleep_for(message.length);
    co_return message.value + 1;
  }

  Task<std::uint64_t> handle(Throw message, ActorContext&) {
    const Busy busy(busy_);
    if (message.later) (void)co_await yield();
    throw std::runtime_error("asked to fail");
  }

  Task<Result<std::uint64_t>> handle(Relay message, ActorContext&);

  Task<Result<std::uint64_t>> handle(Breed message, ActorContext& ctx);

  void handle(const Leave&, ActorContext& ctx) {
    const Busy busy(busy_);
    ctx.stop();
  }

  void on_child_stopped(const ActorId&, ActorContext&) { const Busy busy(busy_); }

 private:
  /// The slot to relay to, or nothing if the journey ends here.
  std::optional<std::size_t> next_slot(const Relay& message) const {
    if (message.limit) return static_cast<std::size_t>(message.route % actor_count);
    const auto above = actor_count - slot_ - 1;
    if (above == 0) return std::nullopt;
    return slot_ + 1 + static_cast<std::size_t>(message.route % above);
  }

  Round* round_;
  std::size_t slot_;
  bool fails_to_start_;
  bool busy_ = false;
  std::uint64_t children_ = 0;
  std::array<std::uint64_t, sender_count> last_of_{};
  ActorToken token_;
};

/// The result is the number of actors that the message has seen from here on.
inline Task<Result<std::uint64_t>> StressActor::handle(Relay message, ActorContext&) {
  const Busy busy(busy_);
  const auto next = next_slot(message);
  if (message.hops == 0 || !next) co_return std::uint64_t{1};
  auto ref = round_->slots.get(*next);
  if (!ref) co_return std::uint64_t{1};

  const auto route = message.route / actor_count;
  outcomes.begin();
  Result<std::uint64_t> seen = std::uint64_t{0};
  if (message.limit) {
    seen = co_await ref->send_for<Relay>(*message.limit, route, message.hops - 1, message.limit);
  } else {
    seen = co_await ref->send<Relay>(route, message.hops - 1, message.limit);
  }
  outcomes.end(seen);
  if (!seen) co_return seen;
  co_return *seen + 1;
}

inline Task<Result<std::uint64_t>> StressActor::handle(Breed message, ActorContext& ctx) {
  const Busy busy(busy_);
  const auto id = fmt::format("child-{}", ++children_);
  outcomes.begin();
  auto child = co_await ctx.spawn<Child>(id);
  outcomes.end(child);
  if (!child) co_return unexpected(child.error());

  outcomes.begin();
  auto answer = co_await child->send<Add>(Stamp{}, std::uint64_t{41});
  outcomes.end(answer);
  if (answer && *answer != 42) violation("a child answered {} to 41", *answer);

  switch (message.fate % 4) {
    case 0: {
      outcomes.begin();
      auto stopped = co_await child->stop();
      outcomes.end(stopped);
      break;
    }
    case 1: {
      outcomes.begin();
      auto failed = co_await child->send<Throw>(false);
      outcomes.end(failed);
      break;
    }
    case 2:
      (void)child->notify_stop();
      break;
    default:
      break;  // ends with its parent, or when it is forgotten
  }
  co_return answer;
}

}  // namespace coerce::stress
