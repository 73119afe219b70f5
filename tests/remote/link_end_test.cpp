#include "remote/link.hpp"

#include <catch2/catch.hpp>

#include "remote/link_world.hpp"

using namespace std::chrono_literals;
using namespace remote_test;
using coerce::ActorRefErrKind;
using coerce::ActorRefErrOutcome;
using coerce::testkit::TestSystem;

TEST_CASE("After a clean drain everything is confirmed, on both sides", "[link]") {
  TestSystem test;
  World world(test);
  auto heard = world.listen("ear");
  world.join();
  test.run_until_idle();
  for (std::int64_t i = 0; i < 100; ++i) {
    REQUIRE(world.ref(world.a, "ear").notify<Number>(i));
    REQUIRE(world.ref(world.b, "ear").notify<Number>(i));
    REQUIRE(world.ref(world.b, "nobody").notify<Number>(i));
  }
  const auto before = test.now();
  test.run(world.a.peer->drain(test.system().clock().now() + 5s));
  test.run_until_idle();
  REQUIRE(test.now() - before < 1s);
  REQUIRE(heard->numbers.size() == 200);
  REQUIRE(world.a.ends.size() == 1);
  REQUIRE(world.b.ends.size() == 1);
  REQUIRE(world.b.ends[0].goodbye);
  REQUIRE(world.a.ends[0].unconfirmed == 0);
  REQUIRE(world.b.ends[0].unconfirmed == 0);
  const auto a = world.a.peer->counters();
  const auto b = world.b.peer->counters();
  REQUIRE(a.messages_sent == 100);
  REQUIRE(a.peer_delivered == 100);
  REQUIRE(a.messages_refused == 100);
  REQUIRE(b.peer_refused == 100);
  REQUIRE(a.dead_letters + b.dead_letters == 0);
  REQUIRE(a.links_ended == 1);
  require_balance(a);
  require_balance(b);
  REQUIRE_FALSE(world.ref(world.a, "ear").notify<Number>(1));
}

TEST_CASE("A drain that the peer does not follow ends at its deadline", "[link]") {
  TestSystem test;
  World world(test);
  const auto wire = world.join();
  test.run_until_idle();
  stall(wire.there);
  const auto before = test.now();
  test.run(world.a.peer->drain(test.system().clock().now() + 2s));
  REQUIRE(test.now() - before >= 2s);
  REQUIRE(test.now() - before < 3s);
  REQUIRE_FALSE(world.a.peer->is_connected());
}

TEST_CASE("When a link ends its requests end at once, with what is known of them",
          "[link][B-209]") {
  TestSystem test;
  World world(test);
  auto heard = world.listen("ear");
  const auto wire = world.join();
  test.run_until_idle();
  auto slow = world.ref(world.a, "ear");
  wire.there->change([](StreamTrouble& trouble) { trouble.capacity = 1'000; });
  stall(wire.there);
  auto written = ask(test, slow.send<Ask>(std::string(5'000, 'x')));  // the writer is at it
  auto waiting = ask(test, slow.send<Ask>("never begun"));
  REQUIRE_FALSE(written->has_value());
  REQUIRE(world.a.peer->inflight_requests() == 2);
  REQUIRE(slow.notify<Number>(1));
  REQUIRE(slow.notify<Number>(2));
  const auto now = test.now();
  world.a.peer->cut("broken");
  test.run_until_idle();
  REQUIRE(test.now() == now);
  REQUIRE(world.a.peer->inflight_requests() == 0);
  REQUIRE(written->value().error().kind() == ActorRefErrKind::Unreachable);
  REQUIRE(written->value().error().outcome() == ActorRefErrOutcome::Unknown);
  REQUIRE(waiting->value().error().kind() == ActorRefErrKind::Unreachable);
  REQUIRE(waiting->value().error().outcome() == ActorRefErrOutcome::NotDelivered);
  REQUIRE(test.expect_dead_letter<Number>().actor_type == coerce::type_name_of<Listener>());
  test.expect_dead_letter<Number>();
  REQUIRE(world.a.ends.at(0).dead_letters == 3);
  REQUIRE(world.a.ends.at(0).unconfirmed == 1);
  require_balance(world.a.peer->counters());
}

TEST_CASE("Frames count as sent when they have been written, those of a link that dies do not",
          "[link]") {
  TestSystem test;
  World world(test);
  auto heard = world.listen("ear");
  const auto wire = world.join();
  test.run_until_idle();
  const auto tell = [&] {
    return world.a.peer->tell(coerce::detail::InternalKind::Members, coerce::Bytes(100));
  };
  auto ear = world.ref(world.a, "ear");
  REQUIRE(tell());
  REQUIRE(ear.notify<Number>(1));
  REQUIRE(ear.notify<Text>(std::string(200'000, 'x')));  // in several frames
  test.run_until_idle();
  const auto written = world.a.peer->counters();
  REQUIRE(written.frames_sent == world.b.peer->counters().frames_received);
  REQUIRE(written.bytes_sent == world.b.peer->counters().bytes_received);
  REQUIRE(written.frames_sent >= 6);

  wire.there->change([](StreamTrouble& trouble) { trouble.capacity = 1'000; });
  stall(wire.there);
  REQUIRE(ear.notify<Text>(std::string(5'000, 'x')));  // the writer is at it
  test.run_until_idle();
  for (int i = 0; i < 10; ++i) REQUIRE(tell());
  REQUIRE(ear.notify<Number>(2));
  world.a.peer->cut("broken");
  test.run_until_idle();
  REQUIRE(world.a.ends.size() == 1);
  REQUIRE(world.a.peer->counters().frames_sent == written.frames_sent);
  REQUIRE(world.a.peer->counters().bytes_sent == written.bytes_sent);
}

TEST_CASE("What was written and not confirmed is counted when the link breaks", "[link]") {
  TestSystem test;
  World world(test);
  auto heard = world.listen("ear");
  const auto wire = world.join();
  test.run_until_idle();
  auto ear = world.ref(world.a, "ear");
  for (int i = 0; i < 10; ++i) REQUIRE(ear.notify<Number>(i));
  test.advance(1s);  // a ping tells of these
  std::vector<coerce::MessagesUnconfirmed> told;
  const auto subscription = test.system().events().subscribe<coerce::MessagesUnconfirmed>(
      [&told](const coerce::MessagesUnconfirmed& event) { told.push_back(event); });
  stall(wire.there);
  for (int i = 0; i < 7; ++i) REQUIRE(ear.notify<Number>(i));
  test.run_until_idle();
  world.a.peer->cut("broken");
  test.run_until_idle();
  REQUIRE(told.size() == 1);
  REQUIRE(told[0].node == 2);
  REQUIRE(told[0].count == 7);
  REQUIRE(world.a.ends.at(0).unconfirmed == 7);
  require_balance(world.a.peer->counters());
  REQUIRE(world.a.peer->counters().peer_delivered == 10);
}

TEST_CASE("A stream that breaks after any number of bytes ends the link and nothing else",
          "[link]") {
  TestSystem test({.seed = 0, .show_log = false});
  World world(test);
  auto heard = world.listen("ear");
  for (std::uint64_t cut = 0; cut < 200; ++cut) {
    World::Wire wire;
    wire.there->change([&](StreamTrouble& trouble) { trouble.cut_after = cut; });
    world.carry(world.a, wire.back, wire.there, cut + 1, 10'000);
    world.carry(world.b, wire.there, wire.back, cut + 1, 10'000);
    test.run_until_idle();
    auto sent = world.ref(world.a, "ear").notify<Number>(static_cast<std::int64_t>(cut));
    auto asked = ask(test, world.ref(world.a, "ear").send<Ask>("x"));
    world.a.peer->cut("enough");
    test.run_until_idle();
    REQUIRE(asked->has_value());
    REQUIRE(world.a.peer->inflight_requests() == 0);
    require_balance(world.a.peer->counters());
  }
  REQUIRE(world.a.ends.size() == 200);
  REQUIRE(world.b.ends.size() == 200);
  REQUIRE(std::is_sorted(heard->numbers.begin(), heard->numbers.end()));
}

TEST_CASE("An answer that comes after the end of its link is dropped", "[link]") {
  TestSystem test;
  World world(test);
  auto heard = world.listen("ear");
  world.join(1);
  test.run_until_idle();
  auto outcome = std::make_shared<std::optional<coerce::Result<std::int64_t>>>();
  auto ear = world.ref(world.a, "ear");
  test.system().spawn([](auto actor, auto into) -> coerce::Task<void> {
    auto answer = co_await actor.template send<AskSlowly>(1'000);
    into->emplace(std::move(answer));
  }(ear, outcome));
  test.run_until_idle();
  world.a.peer->cut("broken");
  world.b.peer->cut("broken");
  test.run_until_idle();
  REQUIRE(outcome->value().error().outcome() == ActorRefErrOutcome::Unknown);
  world.join(2);
  test.advance(2s);
  auto answer = test.run(ear.send<Ask>("still there?"));
  REQUIRE(answer.value() == "still there?");
}

TEST_CASE("A newer link takes over, an older one ends at once", "[link]") {
  TestSystem test;
  World world(test);
  auto heard = world.listen("ear");
  world.join(5);
  test.run_until_idle();
  auto ear = world.ref(world.a, "ear");
  for (std::int64_t i = 0; i < 100; ++i) REQUIRE(ear.notify<Number>(i));
  test.run_until_idle();
  world.join(7);
  test.run_until_idle();
  REQUIRE(world.a.ends.size() == 1);
  REQUIRE(world.a.ends[0].generation == 5);
  REQUIRE(world.a.peer->generation() == 7);
  REQUIRE(world.a.peer->is_connected());
  for (std::int64_t i = 100; i < 200; ++i) REQUIRE(ear.notify<Number>(i));
  world.join(6);
  test.run_until_idle();
  REQUIRE(world.a.ends.size() == 2);
  REQUIRE(world.a.ends[1].generation == 6);
  REQUIRE(world.a.peer->generation() == 7);
  REQUIRE(heard->numbers.size() == 200);
  REQUIRE(std::is_sorted(heard->numbers.begin(), heard->numbers.end()));
  REQUIRE(world.a.peer->counters().links_opened == 2);
}

TEST_CASE("A peer that reads nothing is cut at the write deadline", "[link]") {
  TestSystem test;
  coerce::detail::PeerOptions options;
  options.write_deadline = 3s;
  World world(test, options);
  const auto wire = world.join();
  test.run_until_idle();
  wire.there->change([](StreamTrouble& trouble) { trouble.capacity = 1'000; });
  stall(wire.there);
  REQUIRE(world.ref(world.a, "ear").notify<Text>(std::string(10'000, 'x')));
  test.advance(2900ms);
  REQUIRE(world.a.peer->is_connected());
  test.advance(600ms);  // what it has read is noticed when it is pinged
  REQUIRE(world.a.ends.size() == 1);
  REQUIRE(world.a.ends[0].why == "the peer reads nothing");
}

TEST_CASE("A node that is gone for good refuses everything from then on", "[link]") {
  TestSystem test;
  World world(test);
  world.join(1);
  test.run_until_idle();
  world.a.peer->retire("it has left");
  test.run_until_idle();
  auto refused = world.ref(world.a, "ear").notify<Number>(1);
  REQUIRE_FALSE(refused);
  REQUIRE(refused.error().kind() == ActorRefErrKind::Unreachable);
  REQUIRE(refused.error().detail().find("it has left") != std::string_view::npos);
  world.join(2);
  test.run_until_idle();
  REQUIRE_FALSE(world.a.peer->is_connected());
  REQUIRE(world.a.ends.size() == 2);
}

TEST_CASE("A link on which nothing comes any more is given up, though nobody was told", "[link]") {
  TestSystem test;
  World world(test);
  const auto wire = world.join();
  test.run_until_idle();
  test.advance(60s);  // what lives and has nothing to say pings
  REQUIRE(world.a.ends.empty());
  stall(wire.back);
  test.advance(3s);
  REQUIRE(world.a.peer->is_connected());
  test.advance(1300ms);
  REQUIRE(world.a.ends.size() == 1);
  REQUIRE(world.a.ends[0].why == "the peer is silent");
}
