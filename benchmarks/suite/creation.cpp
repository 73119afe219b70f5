#include <coerce/actor.hpp>

#include <cstdint>
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

Measurement skynet(const ActorSystem& system, const Settings& settings) {
  return peer::skynet(system, Sizes(settings.scale));
}

}  // namespace

std::vector<Bench> creation() {
  return {memory(), ns_bench("create_stop", times_limit(12), create_and_stop_child),
          create_and_stop("create_stop_100k", 100'000),
          create_and_stop("create_stop_1m", 1'000'000),
          ns_bench("skynet", times_limit(36), skynet, few_runs)};
}

}  // namespace suite
