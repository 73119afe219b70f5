#include <coerce/actor.hpp>

#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <utility>
#include <vector>

#include "../peers/coerce/benches.hpp"
#include "suite.hpp"
#include "support.hpp"

namespace suite {
namespace {

namespace peer = peers::coerce_peer;

Bench memory() {
  return {.name = "memory",
          .figures = {{.name = "memory", .unit = "bytes", .target = at_most(220)}},
          .prepare = [](const Settings& settings) -> Run {
            return [settings, system = make_system(settings)] {
              const auto measured = peer::memory(system, Sizes(settings.scale));
              return Sample{.ops = measured.ops, .numbers = {measured.bytes_per_actor}};
            };
          },
          .most_runs = 4,  // one a process: memory that is used again does not show
          .warm_up = false};
}

class Idle : public coerce::Actor {
 public:
  void handle(Count count, ActorContext&) { value_ += count.value; }

 private:
  std::uint64_t value_ = 0;
};

Task<Measurement> create_and_stop_all(ActorSystem system, std::uint64_t actors) {
  std::vector<LocalActorRef<Idle>> refs;
  refs.reserve(actors);
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < actors; ++i) {
    auto actor = co_await system.new_anon_actor(Idle());
    refs.push_back(std::move(actor).value());
  }
  for (const auto& actor : refs) co_await actor.stop();
  refs.clear();
  co_return watch.stop(actors);
}

/// So many anonymous actors are created one after the other, then stopped one after the other.
Bench create_and_stop(std::string_view name, std::uint64_t actors) {
  return ns_bench(
      name, times_limit(12),
      [actors](const ActorSystem& system, const Settings& settings) {
        return system.block_on(create_and_stop_all(system, settings.scaled(actors)));
      },
      few_runs);
}

/// One child at a time, whose parent awaits its start and its end.
Measurement create_and_stop_child(const ActorSystem& system, const Settings& settings) {
  return peer::create(system, Sizes(0.25 * settings.scale));
}

// ---- supervision and watch ----------------------------------------------------------------------

struct Fail {};

/// Throws at each Fail, and is made anew.
class Fragile : public coerce::Actor {
 public:
  void handle(Fail, ActorContext&) { throw std::runtime_error("as asked"); }
  void handle(Go, ActorContext&) {}
};

Task<Measurement> restart_again_and_again(ActorSystem system, std::uint64_t restarts) {
  const auto make = [] { return Fragile(); };
  auto made = co_await system.new_actor(coerce::new_actor_id(), make);
  const LocalActorRef<Fragile> actor = std::move(made).value();
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < restarts; ++i) (void)co_await actor.send(Fail{});
  const auto measured = watch.stop(restarts);
  (void)co_await actor.stop();
  co_return measured;
}

/// A failing handler, the answer to its sender, and a new instance.
Bench restart() {
  return {.name = "restart",
          .figures = {{.name = "restart", .unit = "ns"}},
          .prepare = [](const Settings& settings) -> Run {
            auto system =
                ActorSystem::builder()
                    .worker_threads(settings.workers)
                    .seed(1)
                    .log_level(coerce::LogLevel::Off)
                    .top_level_strategy(coerce::SupervisorStrategy::restart().max_restarts(~0U))
                    .build();
            return [settings, system] {
              const auto measured =
                  system.block_on(restart_again_and_again(system, settings.scaled(20'000)));
              const auto ops = static_cast<double>(measured.ops);
              return Sample{.ops = measured.ops,
                            .numbers = {measured.wall_ns / ops},
                            .cpu_ns_per_op = measured.cpu_ns / ops};
            };
          }};
}

/// Watches actors that end, and counts.
class Watcher : public coerce::Actor {
 public:
  struct Look {
    explicit Look(LocalActorRef<Idle> actor) : at(std::move(actor)) {}
    LocalActorRef<Idle> at;
  };
  struct Seen {
    using Result = std::uint64_t;
  };
  void handle(Look look, ActorContext& ctx) { (void)ctx.watch(look.at); }
  void handle(coerce::ActorTerminated, ActorContext&) { ++seen_; }
  std::uint64_t handle(Seen, ActorContext&) { return seen_; }

 private:
  std::uint64_t seen_ = 0;
};

Task<Measurement> watch_all(ActorSystem system, std::uint64_t actors) {
  auto made = co_await system.new_anon_actor(Watcher());
  const LocalActorRef<Watcher> watcher = std::move(made).value();
  std::vector<LocalActorRef<Idle>> refs;
  for (std::uint64_t i = 0; i < actors; ++i) {
    auto actor = co_await system.new_anon_actor(Idle());
    refs.push_back(std::move(actor).value());
  }
  const Stopwatch watch;
  for (const auto& actor : refs) watcher.notify<Watcher::Look>(actor);
  for (const auto& actor : refs) (void)co_await actor.stop();
  auto seen = co_await watcher.send(Watcher::Seen{});
  const auto measured = watch.stop(actors);
  if (seen.value() != actors) std::abort();
  co_return measured;
}

/// So many actors are watched by one, and stopped; that one hears of each end.
Measurement watch_and_stop(const ActorSystem& system, const Settings& settings) {
  return system.block_on(watch_all(system, settings.scaled(20'000)));
}

Measurement skynet(const ActorSystem& system, const Settings& settings) {
  return peer::skynet(system, Sizes(settings.scale));
}

}  // namespace

std::vector<Bench> creation() {
  return {memory(),
          ns_bench("create_stop", times_limit(12), create_and_stop_child),
          create_and_stop("create_stop_100k", 100'000),
          create_and_stop("create_stop_1m", 1'000'000),
          ns_bench("skynet", times_limit(36), skynet, few_runs),
          restart(),
          ns_bench("watch", {}, watch_and_stop)};
}

}  // namespace suite
