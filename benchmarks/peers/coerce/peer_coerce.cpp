#include "benches.hpp"

#include <cstdio>
#include <functional>
#include <map>
#include <string>

namespace {

using namespace peers;

using Bench = std::function<Measurement(const coerce::ActorSystem&, Sizes)>;

const std::map<std::string, Bench> benches{
    {"pingpong", coerce_peer::pingpong},
    {"ring", coerce_peer::ring},
    {"one_way", [](auto& system, Sizes sizes) { return coerce_peer::fan_in(system, sizes, 1); }},
    {"fan_in_2", [](auto& system, Sizes sizes) { return coerce_peer::fan_in(system, sizes, 2); }},
    {"fan_in_8", [](auto& system, Sizes sizes) { return coerce_peer::fan_in(system, sizes, 8); }},
    {"ask", coerce_peer::ask},
    {"all_to_all", coerce_peer::all_to_all},
    {"create", coerce_peer::create},
    {"skynet", coerce_peer::skynet},
    {"memory", coerce_peer::memory},
};

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse_options(argc, argv);
  const auto bench = benches.find(options.bench);
  if (bench == benches.end()) {
    std::fprintf(stderr, "unknown benchmark: %s\n", options.bench.c_str());
    return 2;
  }

  const auto system = coerce::ActorSystem::builder().worker_threads(options.workers).build();
  if (options.bench != "memory") bench->second(system, Sizes{options.scale * warm_up});
  print("coerce", options, bench->second(system, Sizes{options.scale}));
}
