#include "node_support.hpp"

#include <coerce/testkit/catch2.hpp>

#include <cstdlib>

namespace coerce::test::incoming_address_cases {
namespace {

constexpr const char* kVariable = "COERCE_OVERRIDE_INCOMING_NODE_ADDR";

/// Where node 1 believes node 2 to be, which says that it is somewhere else.
std::string believed_address(bool override) {
  testkit::Simulation sim{{.nodes = 2}};
  if (override) ::setenv(kVariable, "1", 1);
  auto first = build_node(sim.node(1));
  ::unsetenv(kVariable);
  auto second = build_node(sim.node(2));
  start(sim.node(1), first, {});
  auto worker = worker_of(sim.node(2), second, {address_of(sim.node(1))});
  worker.advertise_addr("elsewhere:4711");
  auto server = sim.node(2).run(worker.start());
  if (!server) sim.fail("did not join: " + server.error().to_string());
  return first.get_nodes().at(1).addr;
}

}  // namespace

TEST_CASE("a node is where it says, or where its connection comes from if that is asked for",
          "[system][B-128]") {
  CHECK(believed_address(false) == "elsewhere:4711");
  CHECK(believed_address(true) == "10.0.0.2:4711");
}

}  // namespace coerce::test::incoming_address_cases
