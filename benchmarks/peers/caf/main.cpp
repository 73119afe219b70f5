#include "benches.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <cstddef>
#include <cstdio>
#include <functional>
#include <map>
#include <string>

namespace {

using namespace peers;

using Bench = std::function<Measurement(caf::actor_system&, Sizes)>;

const std::map<std::string, Bench> benches{
    {"pingpong", caf_peer::pingpong},
    {"ring", caf_peer::ring},
    {"one_way", [](auto& system, Sizes sizes) { return caf_peer::fan_in(system, sizes, 1); }},
    {"fan_in_2", [](auto& system, Sizes sizes) { return caf_peer::fan_in(system, sizes, 2); }},
    {"fan_in_8", [](auto& system, Sizes sizes) { return caf_peer::fan_in(system, sizes, 8); }},
    {"ask", caf_peer::ask},
    {"all_to_all", caf_peer::all_to_all},
    {"create", caf_peer::create},
    {"skynet", caf_peer::skynet},
    {"memory", caf_peer::memory},
};

/// CAF's defaults but for the number of workers.
struct Config : caf::actor_system_config {
  explicit Config(std::size_t workers) { set("scheduler.max-threads", workers); }
};

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse_options(argc, argv);
  const auto bench = benches.find(options.bench);
  if (bench == benches.end()) {
    std::fprintf(stderr, "unknown benchmark: %s\n", options.bench.c_str());
    return 2;
  }

  Config config{options.workers};
  caf::actor_system system{config};
  if (options.bench != "memory") bench->second(system, Sizes{options.scale * warm_up});
  print("caf", options, bench->second(system, Sizes{options.scale}));
}
