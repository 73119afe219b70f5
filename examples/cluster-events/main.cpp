// A node that prints what happens to its cluster: who comes, who goes, who leads. Start a few of
// them with the same list of seeds, end some, and see.
//
//   example_cluster_events ID LISTEN [SEED]...
//
// It lives until it is ended with SIGINT or SIGTERM, and leaves in order.

#include <coerce/remote.hpp>

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace {

using namespace std::chrono_literals;

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

template <class... Words>
void say(fmt::format_string<Words...> format, Words&&... words) {
  fmt::print(format, std::forward<Words>(words)...);
  std::fflush(stdout);  // whoever reads it through a pipe shall not wait for it
}

// region: watchman
/// Is told the present view first, and then what changes.
class Watchman : public coerce::Actor {
 public:
  coerce::Task<void> started(coerce::ActorContext& ctx) {
    auto subscribing = coerce::PubSub::subscribe<Watchman>(coerce::SystemTopic(), ctx);
    auto subscribed = co_await subscribing;
    if (!subscribed) co_return;
    subscription_ = std::move(*subscribed);
    node_ = coerce::RemoteActorSystem::of(ctx.system());
  }

  void handle(coerce::Receive<coerce::SystemTopic> event, coerce::ActorContext&) {
    if (const auto* added = std::get_if<coerce::NodeAdded>(&event.message()))
      say("+ node {} at {}\n", added->node.id, added->node.addr);
    if (const auto* removed = std::get_if<coerce::NodeRemoved>(&event.message()))
      say("- node {}\n", removed->node.id);
    if (const auto* leader = std::get_if<coerce::LeaderChanged>(&event.message()))
      say("* node {} leads\n", leader->node_id);
    if (node_) print_table();
  }

 private:
  void print_table() const {
    for (const auto& node : node_->get_nodes())
      say("    {} {} {}{}\n", node.id, node.addr, to_string(node.status),
          node_->current_leader() == node.id ? ", leads" : "");
  }

  coerce::Subscription subscription_;
  std::optional<coerce::RemoteActorSystem> node_;
};
// endregion

int failed(std::string_view doing, const coerce::ActorRefErr& error) {
  fmt::print(stderr, "example_cluster_events: cannot {}: {}\n", doing, error);
  return exit_failed;
}

std::optional<coerce::NodeId> id_of(std::string_view text) {
  coerce::NodeId id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

// region: join
coerce::Task<int> live(coerce::ActorSystem& system, coerce::NodeId id,
                       std::span<char* const> addresses) {
  auto builder = coerce::RemoteActorSystem::builder();
  auto building = builder.with_id(id).with_actor_system(system).build();
  auto node = co_await building;
  if (!node) co_return failed("make a node", node.error());

  auto starting = coerce::into_actor<Watchman>(coerce::ActorId("watchman"), system);
  auto watchman = co_await starting;
  if (!watchman) co_return failed("start the watchman", watchman.error());

  auto worker = node->cluster_worker();
  worker.listen_addr(addresses[0]);
  for (const char* seed : addresses.subspan(1)) worker.with_seed_addr(seed);
  auto joining = worker.start();
  auto server = co_await joining;
  if (!server) co_return failed("join", server.error());
  say("node {} listens at {}\n", id, server->advertised_addr());

  // A shutdown ends the sleep; the others agree that this node leaves before it closes its links.
  while (co_await coerce::sleep_for(1h)) {
  }
  co_return 0;
}
// endregion

/// Builders throw what is wrong with an address or a number.
coerce::Task<int> checked(coerce::Task<int> life) {
  try {
    co_return co_await std::move(life);
  } catch (const std::invalid_argument& error) {
    fmt::print(stderr, "example_cluster_events: {}\n", error.what());
    co_return exit_usage;
  }
}

}  // namespace

int main(int count, char** arguments) {
  const std::span<char* const> words(arguments, static_cast<std::size_t>(count));
  const auto id = words.size() >= 3 ? id_of(words[1]) : std::nullopt;
  if (!id) {
    fmt::print(stderr, "usage: example_cluster_events ID HOST:PORT [SEED]...\n");
    return exit_usage;
  }
  return coerce::run(
      [&](coerce::ActorSystem& system) { return checked(live(system, *id, words.subspan(2))); });
}
