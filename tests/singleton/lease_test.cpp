#include <coerce/singleton/singleton.hpp>

#include "singleton/clerks.hpp"
#include "singleton/unsure_leases.hpp"

#include <coerce/runtime/sleep.hpp>

namespace coerce::test::lease_cases {

/// Answers with the epoch under which it was handled.
struct Write {
  using Result = std::uint64_t;
  Write() = default;
  explicit Write(std::int64_t its_pause) : pause_ms(its_pause) {}
  std::int64_t pause_ms = 0;  ///< so long the handler thinks first
};

/// What refuses an epoch below the highest one that it has seen, as a journal does.
struct Ledger {
  std::uint64_t highest = 0;
  int running = 0;
  int refused = 0;
  int written = 0;

  void write(std::uint64_t epoch) {
    ++written;
    if (epoch < highest) ++refused;
    highest = std::max(highest, epoch);
  }
};

class Scribe : public Actor {
 public:
  static constexpr std::string_view type_name = "Scribe";

  explicit Scribe(std::shared_ptr<Ledger> ledger) : ledger_(std::move(ledger)) {}

  void started(ActorContext& ctx) {
    ++ledger_->running;
    ledger_->write(ctx.epoch()->value);
  }
  void stopped(ActorContext&) { --ledger_->running; }
  Task<std::uint64_t> handle(Write message, ActorContext& ctx) {
    const std::uint64_t epoch = ctx.epoch()->value;
    ledger_->write(epoch);
    if (message.pause_ms > 0) {
      const bool slept = co_await sleep_for(std::chrono::milliseconds(message.pause_ms));
      (void)slept;
    }
    co_return epoch;
  }

 private:
  std::shared_ptr<Ledger> ledger_;
};

}  // namespace coerce::test::lease_cases

template <>
struct coerce::Codec<coerce::test::lease_cases::Write>
    : coerce::MemberCodec<coerce::test::lease_cases::Write,
                          &coerce::test::lease_cases::Write::pause_ms> {};

namespace coerce::test::lease_cases {
namespace {

/// Built on all nodes of the world, which share a store of leases.
struct Scriptorium {
  explicit Scriptorium(std::size_t count)
      : world(count, [leases = leases](RemoteActorSystemBuilder& builder, NodeId) {
          builder.leases(leases).with_handlers(
              [](RemoteHandlers& handlers) { handlers.with_handler<Scribe, Write>("Write"); });
        }) {
    for (NodeId id = 1; id <= count; ++id) scribes.push_back(build(id));
  }
  Singleton<Scribe> build(NodeId id) {
    auto builder = Singleton<Scribe>::builder(world.remote(id));
    const auto make = [its_ledger = ledger] { return Scribe(its_ledger); };
    builder.factory(make);
    return world.run(id, builder.build()).value();
  }
  /// The epoch, or 0 if there was an error.
  std::uint64_t write(NodeId node, Duration timeout = 30s) {
    auto asking = scribes.at(node - 1).send_for<Write>(timeout, 0);
    return world.run(node, std::move(asking)).value_or(0);
  }
  bool moves_to(NodeId node, NodeId as_seen_by) {
    const auto& scribe = scribes.at(as_seen_by - 1);
    return world.until([&] { return scribe.host() && scribe.host()->node == node; }, 60s);
  }

  const std::shared_ptr<UnsureLeases> leases = std::make_shared<UnsureLeases>();
  const std::shared_ptr<Ledger> ledger = std::make_shared<Ledger>();
  SimulatedWorld world;
  std::vector<Singleton<Scribe>> scribes;
};

TEST_CASE("with leases its epoch is the lease's, and grows with each hand-over",
          "[singleton][lease][B-223]") {
  Scriptorium all(4);
  CHECK(all.write(3) == 1);
  auto leaving = all.world.remote(1).leave();
  all.world.run(1, std::move(leaving));
  CHECK(all.write(3) == 2);
  CHECK(all.scribes[2].host()->node == 2);
  all.world.kill(2);
  CHECK(all.moves_to(3, 3));
  CHECK(all.write(3) == 3);
  CHECK(all.ledger->refused == 0);
}

TEST_CASE("an owner that was paused does nothing more once it wakes after its replacement",
          "[singleton][lease][B-223]") {
  for (int run = 0; run < 20; ++run) {
    Scriptorium all(3);
    auto& sim = all.world.sim();
    INFO("seed " << sim.seed());
    REQUIRE(all.write(2) == 1);
    sim.pause(1);
    REQUIRE(all.moves_to(2, 3));
    REQUIRE(all.write(3) == 2);
    // They are in its mailbox when it wakes.
    for (int i = 0; i < 10; ++i) CHECK(all.scribes[0].notify<Write>(0));
    const int before = all.ledger->written;
    sim.resume(1);
    sim.run_for(1s);
    CHECK(all.ledger->refused == 0);
    CHECK(all.ledger->written >= before);
    CHECK(all.write(3) == 2);
    CHECK(all.ledger->running == 1);
  }
}

TEST_CASE("an owner that cannot reach the store stops before another can begin",
          "[singleton][lease][B-223]") {
  Scriptorium all(3);
  auto& sim = all.world.sim();
  INFO("seed " << sim.seed());
  REQUIRE(all.write(2) == 1);
  all.leases->cut_off = {1};
  sim.run_for(3s);
  CHECK(all.write(2, 1s) == 1);  // for as long as its lease stands
  sim.run_for(3s);
  CHECK(all.ledger->running == 0);  // it is the oldest member, and waits for the store
  CHECK(all.write(2, 2s) == 0);
  all.leases->cut_off = {};
  CHECK(all.write(2) == 2);
  CHECK(all.ledger->refused == 0);

  all.leases->loses_answers = true;
  sim.run_for(20s);
  CHECK(all.ledger->running == 0);
  all.leases->loses_answers = false;
  CHECK(all.write(3) >= 2);
  CHECK(all.ledger->refused == 0);
}

TEST_CASE("a release that is lost costs the time of the lease, and nothing else",
          "[singleton][lease][B-223]") {
  Scriptorium all(3);
  INFO("seed " << all.world.sim().seed());
  REQUIRE(all.write(3) == 1);
  all.leases->loses_releases = true;
  const Duration begun = all.world.sim().now();
  auto leaving = all.world.remote(1).leave();
  all.world.run(1, std::move(leaving));
  CHECK(all.write(3) == 2);
  CHECK(all.world.sim().now() - begun < 8s);
  CHECK(all.ledger->refused == 0);
}

TEST_CASE("what is being handled when the lease ends is answered with Fenced",
          "[singleton][lease][B-223]") {
  for (const NodeId from : {NodeId{1}, NodeId{2}}) {
    Scriptorium all(2);
    INFO("seed " << all.world.sim().seed());
    REQUIRE(all.write(2) == 1);
    all.leases->cut_off = {1, 2};
    auto asking = all.scribes[from - 1].send_for<Write>(20s, 10'000);
    const auto late = all.world.run(from, std::move(asking));
    REQUIRE_FALSE(late);
    CHECK(late.error().kind() == ActorRefErrKind::Fenced);
    CHECK(late.error().outcome() == ActorRefErrOutcome::Unknown);
  }
}

TEST_CASE("whatever happens to nodes, network and store, nothing is done under an old epoch",
          "[singleton][lease][storm][B-028]") {
  int woken = 0;
  std::uint64_t owners = 0;
  for (int run = 0; run < 30; ++run) {
    Scriptorium all(5);
    auto& sim = all.world.sim();
    INFO("seed " << sim.seed());
    for (int round = 0; round < 8; ++round) {
      const NodeId a = 1 + sim.draw(5);
      switch (sim.draw(6)) {
        case 0:
          if (!sim.is_paused(a)) sim.pause(a);
          break;
        case 1: {
          std::vector<NodeId> others;
          for (NodeId id = 1; id <= 5; ++id)
            if (id != a && id != a % 5 + 1) others.push_back(id);
          sim.partition({a, a % 5 + 1}, others);
          break;
        }
        case 2:
          all.leases->cut_off = {a, 1 + sim.draw(5)};
          break;
        case 3:
          all.leases->loses_releases = sim.draw(2) == 0;
          all.leases->loses_answers = sim.draw(4) == 0;
          break;
        case 4:
          sim.heal();
          break;
        default:
          for (NodeId id = 1; id <= 5; ++id)
            if (sim.is_paused(id)) sim.resume(id), ++woken;
      }
      for (const auto& scribe : all.scribes) (void)scribe.notify<Write>(0);
      sim.run_for(std::chrono::milliseconds(sim.draw(12'000)));
      CHECK(all.ledger->refused == 0);
    }
    sim.heal();
    all.leases->cut_off = {};
    all.leases->loses_answers = all.leases->loses_releases = false;
    for (NodeId id = 1; id <= 5; ++id)
      if (sim.is_paused(id)) sim.resume(id), ++woken;
    sim.run_for(90s);
    for (NodeId id = 1; id <= 5; ++id) CHECK(all.write(id) == all.ledger->highest);
    CHECK(all.ledger->refused == 0);
    CHECK(all.ledger->running == 1);
    owners += all.ledger->highest;
  }
  CHECK(woken > 10);
  CHECK(owners > 45);
}

}  // namespace
}  // namespace coerce::test::lease_cases
