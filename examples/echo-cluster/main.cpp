// A cluster of two or more processes. One hosts the actor `echo-actor`; others find it by its id,
// wherever it is, and ask it.

#include <coerce/remote.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "echo.hpp"
#include "options.hpp"

namespace {

using namespace std::chrono_literals;

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

int failed(std::string_view doing, const coerce::ActorRefErr& error) {
  fmt::print(stderr, "example_echo_cluster: cannot {}: {}\n", doing, error);
  return exit_failed;
}

template <class... Words>
void say(fmt::format_string<Words...> format, Words&&... words) {
  fmt::print(format, std::forward<Words>(words)...);
  std::fflush(stdout);  // whoever reads it through a pipe shall not wait for it
}

// region: host
coerce::Task<int> host(coerce::ActorSystem& system, const echo::Options& options) {
  auto starting = coerce::into_actor<echo::EchoActor>(echo::actor_id, system);
  auto actor = co_await starting;
  if (!actor) co_return failed("start the actor", actor.error());
  auto joining = echo::join(system, options);
  auto joined = co_await joining;
  if (!joined) co_return failed("listen", joined.error());
  say("{} is on node {}, which listens at {}\n", echo::actor_id, joined->node.node_id(),
      joined->server.advertised_addr());

  // A shutdown ends the sleep; the node tells the others that it leaves.
  while (co_await coerce::sleep_for(1h)) {
  }
  co_return 0;
}
// endregion

// region: ask
coerce::Task<int> ask(coerce::ActorSystem& system, const echo::Options& options) {
  auto joining = echo::join(system, options);
  auto joined = co_await joining;
  if (!joined) co_return failed("join", joined.error());

  auto finding = joined->node.actor_ref<echo::EchoActor>(echo::actor_id);
  auto actor = co_await finding;
  if (!actor) co_return failed("find the actor", actor.error());
  say("{} is on node {}\n", echo::actor_id, actor->node_id().value_or(joined->node.node_id()));

  for (const auto& text : options.words) {
    auto answer = co_await actor->send<echo::Echo>(text);  // Result<std::string>
    if (!answer) co_return failed("ask the actor", answer.error());
    say("{}\n", *answer);
  }
  co_await joined->server.stop();
  co_return 0;
}
// endregion

/// Builders throw what is wrong with an option: an address, a file.
coerce::Task<int> checked(coerce::Task<int> game) {
  try {
    co_return co_await std::move(game);
  } catch (const std::invalid_argument& error) {
    fmt::print(stderr, "example_echo_cluster: {}\n", error.what());
    co_return exit_usage;
  }
}

}  // namespace

int main(int count, char** arguments) {
  const auto options = echo::parse(std::span(arguments, static_cast<std::size_t>(count)));
  if (!options) {
    fmt::print(stderr, "example_echo_cluster: {}\n\n{}", options.error(), echo::usage);
    return exit_usage;
  }
  if (options->command == echo::Command::Help) {
    fmt::print("{}", echo::usage);
    return 0;
  }
  return coerce::run([&](coerce::ActorSystem& system) {
    const bool hosts = options->command == echo::Command::Host;
    return checked(hosts ? host(system, *options) : ask(system, *options));
  });
}
