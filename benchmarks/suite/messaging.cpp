#include <coerce/actor.hpp>

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../peers/coerce/benches.hpp"
#include "allocations.hpp"
#include "suite.hpp"
#include "support.hpp"

namespace suite {
namespace {

namespace peer = peers::coerce_peer;

// ---- notify, 100 at a time ----------------------------------------------------------------------

/// Sends a batch at each Go.
template <class Consumer>
class BatchProducer : public coerce::Actor {
 public:
  explicit BatchProducer(LocalActorRef<Consumer> consumer) : consumer_(std::move(consumer)) {}

  void handle(Go, ActorContext&) {
    for (std::uint64_t i = 0; i < Sizes::batch; ++i) consumer_.notify(Count{i});
  }

 private:
  LocalActorRef<Consumer> consumer_;
};

/// Asks for the next batch when it has handled one. Its mailbox holds so many messages, 0 meaning
/// all.
template <std::size_t Capacity, coerce::Overflow Policy>
class BatchConsumer : public coerce::Actor {
 public:
  static constexpr coerce::MailboxOptions mailbox{.capacity = Capacity, .overflow = Policy};
  using Producer = BatchProducer<BatchConsumer>;
  struct Begin {
    explicit Begin(LocalActorRef<Producer> from) : producer(std::move(from)) {}
    LocalActorRef<Producer> producer;
  };

  BatchConsumer(std::uint64_t batches, Signal& done)
      : left_(batches * Sizes::batch), done_(&done) {}

  void handle(Begin begin, ActorContext&) {
    producer_ = std::move(begin.producer);
    producer_->notify(Go{});
  }
  void handle(Count count, ActorContext&) {
    --left_;
    if (count.value + 1 < Sizes::batch) return;
    if (left_ > 0) {
      producer_->notify(Go{});
    } else {
      done_->set();
    }
  }

 private:
  std::optional<LocalActorRef<Producer>> producer_;
  std::uint64_t left_;
  Signal* done_;
};

template <std::size_t Capacity, coerce::Overflow Policy>
Measurement notify_batched(const ActorSystem& system, const Settings& settings) {
  using Consumer = BatchConsumer<Capacity, Policy>;
  const auto batches = settings.scaled(4'000);
  Signal done;
  const auto consumer = start(system, Consumer(batches, done));
  const auto producer = start(system, typename Consumer::Producer(consumer));

  const Stopwatch watch;
  consumer.template notify<typename Consumer::Begin>(producer);
  wait(system, done);
  const auto measured = watch.stop(batches * Sizes::batch);
  consumer.stop_blocking();
  producer.stop_blocking();
  return measured;
}

// ---- send ---------------------------------------------------------------------------------------

struct Question {
  using Result = std::uint64_t;
  std::uint64_t value;
};

class PlainAnswerer : public coerce::Actor {
 public:
  std::uint64_t handle(Question question, ActorContext&) { return question.value + 1; }
};

class CoroutineAnswerer : public coerce::Actor {
 public:
  Task<std::uint64_t> handle(Question question, ActorContext&) { co_return question.value + 1; }
};

template <class Answerer>
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

template <class Answerer>
Measurement send(const ActorSystem& system, const Settings& settings) {
  const auto round_trips = settings.scaled(200'000);
  Signal done;
  const auto answerer = start(system, Answerer());
  const auto asker = start(system, Asker<Answerer>(answerer, round_trips, done));

  const Stopwatch watch;
  asker.notify(Go{});
  wait(system, done);
  const auto measured = watch.stop(round_trips);
  asker.stop_blocking();
  answerer.stop_blocking();
  return measured;
}

/// Calls `ask(answerer, n)` from the main thread, again and again.
template <class F>
Measurement send_from_outside(const ActorSystem& system, const Settings& settings, F ask) {
  const auto round_trips = settings.scaled(500);
  const auto answerer = start(system, PlainAnswerer());
  const Stopwatch watch;
  for (std::uint64_t n = 0; n < round_trips;) n = ask(answerer, n);
  const auto measured = watch.stop(round_trips);
  answerer.stop_blocking();
  return measured;
}

Measurement send_by_block_on(const ActorSystem& system, const Settings& settings) {
  return send_from_outside(system, settings, [&](const auto& answerer, std::uint64_t n) {
    return system.block_on(answerer.send(Question{n})).value();
  });
}

Measurement send_blocking(const ActorSystem& system, const Settings& settings) {
  return send_from_outside(system, settings, [](const auto& answerer, std::uint64_t n) {
    return answerer.send_blocking(Question{n}).value();
  });
}

// ---- lookup -------------------------------------------------------------------------------------

constexpr std::uint64_t tracked_actors = 10'000;

/// Looks up tracked actors by their ids, from the main thread and in no order.
Bench lookup() {
  return {.name = "lookup",
          .figures = {{.name = "lookup", .unit = "ns"}},
          .prepare = [](const Settings& settings) -> Run {
            const ActorSystem system = make_system(settings);
            std::vector<coerce::ActorId> ids;
            for (std::uint64_t i = 0; i < tracked_actors; ++i) {
              ids.emplace_back("actor-" + std::to_string(i));
              system.new_actor_blocking(ids.back(), PlainAnswerer()).value();
            }
            return [system, ids = std::move(ids), lookups = settings.scaled(200'000)] {
              std::uint64_t found = 0;
              std::uint64_t position = 0;
              const Stopwatch watch;
              for (std::uint64_t i = 0; i < lookups; ++i) {
                position = (position + 7'919) % tracked_actors;
                found += system.get_tracked_actor<PlainAnswerer>(ids[position]).has_value();
              }
              const auto measured = watch.stop(lookups);
              if (found != lookups) std::abort();
              return Sample{.ops = lookups, .numbers = {ns_per_op(measured)}};
            };
          }};
}

// ---- allocations --------------------------------------------------------------------------------

/// Heap allocations for one operation of a benchmark, once its system is warm. Those that make and
/// end the actors of the run are in it, so a steady state without any comes out as a few
/// millionths.
Bench allocations_of(std::string_view name, const Bench& bench) {
  return {.name = name,
          .figures = {{.name = name, .unit = "allocations", .target = at_most(0.001)}},
          .prepare = [bench](const Settings& settings) -> Run {
            return [run = bench.prepare(settings)] {
              const AllocationCount count;
              const auto ops = run().ops;
              return Sample{
                  .ops = ops,
                  .numbers = {static_cast<double>(count.so_far()) / static_cast<double>(ops)}};
            };
          },
          .most_runs = 3};
}

}  // namespace

std::vector<Bench> messaging() {
  const auto pingpong = [](const ActorSystem& system, const Settings& settings) {
    return peer::pingpong(system, Sizes(0.1 * settings.scale));
  };
  const auto ring = [](const ActorSystem& system, const Settings& settings) {
    return peer::ring(system, Sizes(0.1 * settings.scale));
  };
  const auto fan_in = [](std::uint64_t producers) {
    return [producers](const ActorSystem& system, const Settings& settings) {
      return peer::fan_in(system, Sizes(0.4 * settings.scale), producers);
    };
  };
  const auto all_to_all = [](const ActorSystem& system, const Settings& settings) {
    return peer::all_to_all(system, Sizes(settings.scale));
  };
  using coerce::Overflow;
  return {ns_bench("notify_batched", times_limit(1.3), notify_batched<0, Overflow::Reject>),
          ns_bench("notify_rejecting", times(1.35, "notify_batched"),
                   notify_batched<1'000, Overflow::Reject>),
          ns_bench("notify_suspending", times(1.35, "notify_batched"),
                   notify_batched<1'000, Overflow::Suspend>),
          ns_bench("notify_dropping", times(3, "notify_batched"),
                   notify_batched<1'000, Overflow::DropOldest>),
          ns_bench("pingpong", times_limit(1.5), pingpong),
          ns_bench("ring", {}, ring),
          ns_bench("fan_in_2", {}, fan_in(2)),
          ns_bench("fan_in_8", {}, fan_in(8)),
          ns_bench("all_to_all", {}, all_to_all),
          ns_bench("send", times_limit(2.2), send<PlainAnswerer>),
          ns_bench("send_coroutine", times_limit(3.2), send<CoroutineAnswerer>),
          ns_bench("send_block_on", {}, send_by_block_on),
          ns_bench("send_blocking", {}, send_blocking),
          lookup()};
}

std::vector<Bench> allocations() {
  std::vector<Bench> result;
  for (const Bench& bench : messaging()) {
    if (bench.name == "notify_batched")
      result.push_back(allocations_of("allocations_notify", bench));
    if (bench.name == "pingpong") result.push_back(allocations_of("allocations_pingpong", bench));
    if (bench.name == "send") result.push_back(allocations_of("allocations_send", bench));
    if (bench.name == "send_coroutine")
      result.push_back(allocations_of("allocations_send_coroutine", bench));
  }
  return result;
}

}  // namespace suite
