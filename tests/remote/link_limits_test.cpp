#include "remote/options.hpp"

#include <catch2/catch.hpp>

#include "remote/link_world.hpp"

using namespace std::chrono_literals;
using namespace remote_test;
using coerce::ActorRefErrKind;
using coerce::ActorRefErrOutcome;
using coerce::Bytes;
using coerce::detail::InternalKind;
using coerce::detail::PeerOptions;
using coerce::testkit::TestSystem;

namespace {

/// Links that may be silent for long, so that only the limits act.
PeerOptions patient() {
  PeerOptions options;
  options.silence_deadline = 1h;
  options.write_deadline = 1h;
  return options;
}

/// Sends until it is refused; how many were taken.
std::size_t fill(const coerce::ActorRef<Listener>& ear, std::size_t size,
                 ActorRefErrKind& refusal) {
  const std::string text(size, 'x');
  for (std::size_t taken = 0; taken < 100'000; ++taken) {
    auto sent = ear.notify<Text>(text);
    if (sent) continue;
    REQUIRE(sent.error().outcome() == ActorRefErrOutcome::NotDelivered);
    refusal = sent.error().kind();
    return taken;
  }
  return 100'000;
}

}  // namespace

TEST_CASE("Above the high water mark messages are refused, until the low one is reached",
          "[link]") {
  TestSystem test;
  PeerOptions options = patient();
  options.high_water = 512u << 10;
  options.low_water = 128u << 10;
  World world(test, options);
  auto heard = world.listen("ear");
  const auto wire = world.join();
  test.run_until_idle();
  auto ear = world.ref(world.a, "ear");
  wire.there->change([](StreamTrouble& trouble) {
    trouble.stalled = true;
    trouble.capacity = 1'000;
  });
  test.run_until_idle();

  ActorRefErrKind refusal{};
  const std::size_t taken = fill(ear, 8'000, refusal);
  REQUIRE(refusal == ActorRefErrKind::Overloaded);
  REQUIRE(taken * 8'000 > options.high_water - 16'000);
  REQUIRE(taken * 8'000 < options.high_water + 16'000);
  REQUIRE(world.a.peer->counters().queue_bytes < options.high_water + 64'000);
  auto asked = test.run(ear.send<Ask>("x"));
  REQUIRE(asked.error().kind() == ActorRefErrKind::Overloaded);
  REQUIRE(world.a.peer->inflight_requests() == 0);

  // Below the high mark, above the low one: no room yet, so that the two do not alternate.
  wire.there->change([](StreamTrouble& trouble) { trouble.capacity = 200'000; });
  test.run_until_idle();
  REQUIRE(world.a.peer->counters().queue_bytes < options.high_water);
  REQUIRE(world.a.peer->counters().queue_bytes > options.low_water);
  REQUIRE_FALSE(ear.notify<Number>(1));
  wire.there->change([](StreamTrouble& trouble) { trouble.capacity = 500'000; });
  test.run_until_idle();
  REQUIRE(world.a.peer->counters().queue_bytes <= options.low_water);
  REQUIRE(ear.notify<Number>(2));

  stall(wire.there, false);
  test.run_until_idle();
  REQUIRE(heard->texts.size() == taken);
  REQUIRE(heard->numbers == std::vector<std::int64_t>{2});
  test.run(world.a.peer->drain(test.system().clock().now() + 5s));
  REQUIRE(world.a.peer->counters().unconfirmed == 0);
  require_balance(world.a.peer->counters());
}

TEST_CASE("Answers have room beyond the high water mark, but not for ever", "[link]") {
  TestSystem test;
  PeerOptions options = patient();
  options.high_water = 10'000;
  World world(test, options);
  auto heard = world.listen("ear");
  const auto wire = world.join();
  test.run_until_idle();
  wire.back->change([](StreamTrouble& trouble) {
    trouble.stalled = true;
    trouble.capacity = 1'000;
  });
  auto ear = world.ref(world.a, "ear");
  std::vector<std::shared_ptr<std::optional<coerce::Result<std::string>>>> answers;
  const std::string text(9'000, 'x');
  for (int i = 0; i < 30; ++i) answers.push_back(ask(test, ear.send<Ask>(text)));
  REQUIRE(heard->asked == 30);
  REQUIRE(world.b.peer->counters().queue_bytes < 200'000);
  stall(wire.back, false);
  test.run_until_idle();
  std::size_t good = 0;
  for (const auto& answer : answers) {
    REQUIRE(answer->has_value());
    if (answer->value()) {
      ++good;
      continue;
    }
    REQUIRE(answer->value().error().kind() == ActorRefErrKind::Overloaded);
    REQUIRE(answer->value().error().outcome() == ActorRefErrOutcome::Handled);
  }
  REQUIRE(good >= 17);
  REQUIRE(good <= 19);
}

TEST_CASE("Who asks on and on and reads no answer is cut off, before its errors fill the memory",
          "[link]") {
  TestSystem test;
  PeerOptions options = patient();
  options.high_water = 10'000;
  World world(test, options);
  const auto wire = world.join();
  test.run_until_idle();
  wire.back->change([](StreamTrouble& trouble) {
    trouble.stalled = true;
    trouble.capacity = 1'000;
  });
  auto nobody = world.ref(world.a, "nobody");
  std::vector<std::shared_ptr<std::optional<coerce::Result<std::string>>>> answers;
  while (world.b.ends.empty() && answers.size() < 50'000) {
    answers.push_back(ask(test, nobody.send<Ask>("x")));
    REQUIRE(world.b.peer->counters().queue_bytes <
            coerce::detail::kErrorRoom * options.high_water + 10'000);
  }
  REQUIRE(world.b.ends.size() == 1);
  REQUIRE(world.b.ends[0].why == "the peer does not read its answers");
  stall(wire.back, false);
  test.run_until_idle();
  for (const auto& answer : answers) {
    REQUIRE(answer->has_value());
    REQUIRE_FALSE(answer->value());
  }
  require_balance(world.a.peer->counters());
}

TEST_CASE("No more requests wait for answers than may", "[link]") {
  TestSystem test;
  PeerOptions options = patient();
  options.max_requests = 3;
  World world(test, options);
  auto heard = world.listen("ear");
  world.join();
  test.run_until_idle();
  auto ear = world.ref(world.a, "ear");
  for (int i = 0; i < 3; ++i) (void)ask(test, ear.send<AskSlowly>(1'000));
  auto refused = ask(test, ear.send<Ask>("x"));
  REQUIRE(refused->value().error().kind() == ActorRefErrKind::Overloaded);
  REQUIRE(refused->value().error().outcome() == ActorRefErrOutcome::NotDelivered);
  auto question = ask(test, world.a.peer->ask(InternalKind::Locate, {1}, 1s));
  REQUIRE(question->value().error().kind() == ActorRefErrKind::Overloaded);
  REQUIRE(world.a.peer->inflight_requests() == 3);
  test.advance(4s);
  REQUIRE(world.a.peer->inflight_requests() == 0);
  REQUIRE(ask(test, ear.send<Ask>("x"))->value());
}

TEST_CASE("A node answers no more requests of another at a time than it wants to", "[link]") {
  TestSystem test;
  PeerOptions options = patient();
  options.max_inbound_requests = 2;
  World world(test, options);
  auto heard = world.listen("ear");
  world.join();
  test.run_until_idle();
  auto ear = world.ref(world.a, "ear");
  for (int i = 0; i < 2; ++i) (void)ask(test, ear.send<AskSlowly>(1'000));
  auto refused = ask(test, ear.send<Ask>("x"));
  REQUIRE(refused->value().error().kind() == ActorRefErrKind::Overloaded);
  REQUIRE(refused->value().error().outcome() == ActorRefErrOutcome::NotDelivered);

  world.b.host.holds_asks = true;
  for (int i = 0; i < 2; ++i) (void)ask(test, world.a.peer->ask(InternalKind::Locate, {1}, 1s));
  auto question = ask(test, world.a.peer->ask(InternalKind::Locate, {1}, 1s));
  REQUIRE(question->value().error().kind() == ActorRefErrKind::Overloaded);
  test.advance(3s);
  REQUIRE(ask(test, ear.send<Ask>("x"))->value());
}

TEST_CASE("Requests that are answered still count when their link has made way for another",
          "[link]") {
  TestSystem test;
  PeerOptions options = patient();
  options.max_inbound_requests = 2;
  World world(test, options);
  auto heard = world.listen("ear");
  world.join(1);
  test.run_until_idle();
  auto ear = world.ref(world.a, "ear");
  for (int i = 0; i < 2; ++i) (void)ask(test, ear.send<AskSlowly>(1'000));
  world.a.peer->cut("to begin anew");
  test.run_until_idle();
  world.join(2);
  test.run_until_idle();
  auto refused = ask(test, ear.send<Ask>("x"));
  REQUIRE(refused->has_value());
  REQUIRE(refused->value().error().kind() == ActorRefErrKind::Overloaded);
  test.advance(3s);
  REQUIRE(ask(test, ear.send<Ask>("x"))->value());
}

TEST_CASE("The control lane has a reserve of its own, and pings have their own in it", "[link]") {
  TestSystem test;
  PeerOptions options = patient();
  options.high_water = 10'000;
  options.control_reserve = 10'000;
  World world(test, options);
  auto heard = world.listen("ear");
  const auto wire = world.join();
  test.run_until_idle();
  auto ear = world.ref(world.a, "ear");
  wire.there->change([](StreamTrouble& trouble) {
    trouble.stalled = true;
    trouble.capacity = 1'000;
  });
  ActorRefErrKind refusal{};
  (void)fill(ear, 1'000, refusal);
  REQUIRE(refusal == ActorRefErrKind::Overloaded);

  const Bytes news(1'000, 7);
  std::size_t told = 0;
  while (world.a.peer->tell(InternalKind::Members, news)) ++told;  // though users are refused
  REQUIRE(told >= 9);
  REQUIRE(told <= 11);
  auto question = ask(test, world.a.peer->ask(InternalKind::Locate, {1}, 1s));
  REQUIRE(question->value().error().kind() == ActorRefErrKind::Overloaded);
  // What keeps the cluster together still finds room.
  REQUIRE(
      world.a.peer->tell(InternalKind::Members, news, coerce::detail::Outbox::Importance::Vital));
  ++told;
  test.advance(600s);  // of more than a thousand pings not all find room
  REQUIRE(world.a.peer->is_connected());
  REQUIRE(world.a.peer->counters().queue_bytes < 20'000 + 2 * options.control_reserve);
  stall(wire.there, false);
  test.run_until_idle();
  REQUIRE(world.b.host.served.size() == told);
  REQUIRE(world.a.host.pongs > 100);
  REQUIRE(ear.notify<Number>(1));
}

TEST_CASE("Long messages and short ones keep their order", "[link][B-211]") {
  TestSystem test;
  World world(test, patient());
  auto heard = world.listen("ear");
  const auto wire = world.join();
  test.run_until_idle();
  auto ear = world.ref(world.a, "ear");
  auto& rng = test.system().scheduler().rng();
  std::vector<std::string> sent;
  for (int i = 0; i < 300; ++i) {
    std::string text = std::to_string(i);
    text.resize(text.size() + rng.below(rng.below(3) == 0 ? 200'000 : 100), 'x');
    while (!ear.notify<Text>(text)) test.run_until_idle();
    sent.push_back(std::move(text));
  }
  test.run_until_idle();
  REQUIRE(heard->texts == sent);
}
