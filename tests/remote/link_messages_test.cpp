#include "remote/peer.hpp"

#include <catch2/catch.hpp>

#include "remote/link_world.hpp"

using namespace std::chrono_literals;
using namespace remote_test;
using coerce::ActorRefErrKind;
using coerce::ActorRefErrOutcome;
using coerce::testkit::TestSystem;

TEST_CASE("Ten thousand notifies arrive in the order in which they were sent", "[link][B-211]") {
  TestSystem test;
  World world(test);
  auto heard = world.listen("ear");
  world.join();
  test.run_until_idle();
  auto ear = world.ref(world.a, "ear");
  for (std::int64_t i = 0; i < 10'000; ++i) {
    REQUIRE(ear.notify<Number>(i));
    if (i % 500 == 0) test.run_until_idle();
  }
  test.run_until_idle();
  REQUIRE(heard->numbers.size() == 10'000);
  REQUIRE(std::is_sorted(heard->numbers.begin(), heard->numbers.end()));
  REQUIRE(heard->numbers.back() == 9'999);
}

TEST_CASE("A request is answered over the link, and its slot is free again", "[link][B-209]") {
  TestSystem test;
  World world(test);
  auto heard = world.listen("ear");
  world.join();
  test.run_until_idle();
  auto ear = world.ref(world.a, "ear");
  for (int i = 0; i < 100; ++i) {
    auto answer = test.run(ear.send<Ask>("hello"));
    REQUIRE(answer);
    REQUIRE(*answer == "hello");
  }
  REQUIRE(heard->asked == 100);
  REQUIRE(world.a.peer->inflight_requests() == 0);
}

TEST_CASE("Both sides may ask over one link", "[link]") {
  TestSystem test;
  World world(test);
  auto heard = world.listen("ear");
  world.join();
  test.run_until_idle();
  auto one = test.run(world.ref(world.a, "ear").send<Ask>("a"));
  auto other = test.run(world.ref(world.b, "ear").send<Ask>("b"));
  REQUIRE(one.value() == "a");
  REQUIRE(other.value() == "b");
}

TEST_CASE("Everything works byte by byte", "[link]") {
  TestSystem test;
  World world(test);
  auto heard = world.listen("ear");
  const auto wire = world.join();
  wire.there->change([](StreamTrouble& trouble) { trouble.read_limit = 1; });
  wire.back->change([](StreamTrouble& trouble) { trouble.read_limit = 1; });
  test.run_until_idle();
  auto answer = test.run(world.ref(world.a, "ear").send<Ask>("slowly"));
  REQUIRE(answer.value() == "slowly");
}

TEST_CASE("Without a link a message is refused where it is sent, certainly not delivered",
          "[link]") {
  TestSystem test;
  World world(test);
  auto ear = world.ref(world.a, "ear");
  auto noticed = ear.notify<Number>(1);
  REQUIRE_FALSE(noticed);
  REQUIRE(noticed.error().kind() == ActorRefErrKind::Unreachable);
  REQUIRE(noticed.error().outcome() == ActorRefErrOutcome::NotDelivered);
  auto asked = test.run(ear.send<Ask>("x"));
  REQUIRE_FALSE(asked);
  REQUIRE(asked.error().kind() == ActorRefErrKind::Unreachable);
}

TEST_CASE("A message without a name, or without a codec, is refused where it is sent",
          "[link][B-033][B-034]") {
  TestSystem test;
  World world(test);
  world.join();
  test.run_until_idle();
  auto ear = world.ref(world.a, "ear");
  auto unnamed = ear.notify<Unnamed>();
  REQUIRE_FALSE(unnamed);
  REQUIRE(unnamed.error().kind() == ActorRefErrKind::NotSupported);
  REQUIRE(unnamed.error().actor_id() == coerce::ActorId("ear"));
  REQUIRE(unnamed.error().message_type() == coerce::type_name_of<Unnamed>());
  REQUIRE(unnamed.error().actor_type() == coerce::type_name_of<Listener>());
  auto without = ear.notify<WithoutCodec>();
  REQUIRE_FALSE(without);
  REQUIRE(without.error().kind() == ActorRefErrKind::Serialisation);
  REQUIRE(coerce::is_not_transmittable(without.error()));
}

TEST_CASE("An actor that is not there, or has stopped, is not found", "[link][B-032]") {
  TestSystem test;
  World world(test);
  auto heard = world.listen("ear");
  world.join();
  test.run_until_idle();
  auto nobody = test.run(world.ref(world.a, "nobody").send<Ask>("x"));
  REQUIRE_FALSE(nobody);
  REQUIRE(nobody.error() == coerce::ActorRefErr::NotFound("nobody"));
  auto ear = world.ref(world.a, "ear");
  auto first = test.run(ear.send<Ask>("x"));
  REQUIRE(first);
  auto stopped = test.run(world.listeners[0].stop());
  REQUIRE(stopped);
  auto later = test.run(ear.send<Ask>("x"));
  REQUIRE_FALSE(later);
  REQUIRE(later.error() == coerce::ActorRefErr::NotFound("ear"));
  world.listeners.clear();
  auto again = world.listen("ear");
  auto found = test.run(ear.send<Ask>("y"));
  REQUIRE(found.value() == "y");
}

TEST_CASE("A notify to nobody, or of an unknown kind, is a dead letter where it comes", "[link]") {
  TestSystem test;
  World world(test);
  auto heard = world.listen("ear");
  auto stranger = test.start<Stranger>("stranger");
  world.a.host.table.with_handler<Stranger, Number>("Stranger.Number");
  world.join();
  test.run_until_idle();
  std::vector<coerce::DeadLetter> letters;
  auto subscription = test.system().events().subscribe<coerce::DeadLetter>(
      [&](const coerce::DeadLetter& letter) { letters.push_back(letter); });
  const auto before = test.system().dead_letter_count();

  REQUIRE(world.ref(world.a, "nobody").notify<Number>(1));
  REQUIRE(world.ref<Stranger>(world.a, "stranger").notify<Number>(1));
  REQUIRE(world.ref(world.a, std::string(300, 'x')).notify<Number>(1));  // its name goes with it
  test.advance(1s);
  REQUIRE(test.system().dead_letter_count() - before == 3);
  REQUIRE(letters.size() == 3);
  REQUIRE(letters[0].path.str() == test.system().system_name().str() + "/nobody");
  REQUIRE(letters[0].actor_type == coerce::type_name_of<Listener>());
  REQUIRE(letters[0].message_type == coerce::type_name_of<Number>());
  REQUIRE(letters[1].message_type == "Stranger.Number");
  REQUIRE(world.a.peer->counters().peer_refused == 3);
  require_balance(world.a.peer->counters());
}

TEST_CASE("The other node says what it does not know or understand", "[link][B-115]") {
  TestSystem test;
  World world(test);
  auto heard = world.listen("ear");
  auto stranger = test.start<Stranger>("stranger");
  world.a.host.table.with_handler<Stranger, Number>("Stranger.Number");
  world.join();
  test.run_until_idle();

  auto other_type = test.run(world.ref(world.a, "stranger").send<Ask>("x"));
  REQUIRE_FALSE(other_type);
  REQUIRE(other_type.error().kind() == ActorRefErrKind::NotSupported);
  REQUIRE(other_type.error().actor_type() == coerce::type_name_of<Stranger>());

  auto unknown = test.run(world.ref<Stranger>(world.a, "stranger").send<Number>(1));
  REQUIRE_FALSE(unknown);
  REQUIRE(unknown.error().kind() == ActorRefErrKind::NotSupported);
  REQUIRE(unknown.error().message_type() == "Stranger.Number");
  REQUIRE(unknown.error().actor_type().empty());
}

TEST_CASE("Bytes that are no such message are refused by the other node", "[link][B-115]") {
  TestSystem test;
  World world(test);
  auto heard = world.listen("ear");
  coerce::detail::RemoteHandler garbling = *world.a.host.table.find("Listener.Ask");
  const_cast<coerce::detail::RemoteHandler*>(world.a.host.table.find("Listener.Ask"))->encode =
      [](const void*, coerce::Bytes& out) -> std::optional<coerce::ActorRefErr> {
    out.push_back(0xff);
    return std::nullopt;
  };
  world.join();
  test.run_until_idle();
  auto answer = test.run(world.ref(world.a, "ear").send<Ask>("x"));
  REQUIRE_FALSE(answer);
  REQUIRE(answer.error().kind() == ActorRefErrKind::Deserialisation);
  REQUIRE(heard->asked == 0);
  REQUIRE(world.a.ends.empty());
}

TEST_CASE("A full mailbox refuses: a request is told, a notify is counted", "[link]") {
  TestSystem test({}, coerce::ActorSystem::builder().mailbox({.capacity = 1}));
  World world(test);
  auto heard = world.listen("ear");
  world.join();
  test.run_until_idle();
  auto ear = world.ref(world.a, "ear");
  for (int i = 0; i < 4; ++i) {  // one is handled, one waits, two are refused
    REQUIRE(ear.notify<AskSlowly>(1'000));
    test.run_until_idle();
  }
  auto answer = test.run(ear.send<Ask>("x"));
  REQUIRE_FALSE(answer);
  REQUIRE(answer.error().kind() == ActorRefErrKind::MailboxFull);
  test.advance(1s);  // a ping tells of them
  const auto refused = world.b.peer->counters().messages_refused;
  REQUIRE(refused >= 2);
  REQUIRE(world.a.peer->counters().peer_refused == refused);
}

TEST_CASE("Names beyond the limit travel with each message", "[link]") {
  TestSystem test;
  coerce::detail::PeerOptions options;
  options.max_names = 2;
  World world(test, options);
  std::vector<std::shared_ptr<Listener::Heard>> all;
  for (int i = 0; i < 5; ++i) all.push_back(world.listen("ear " + std::to_string(i)));
  const std::string long_name(1'000, 'x');
  auto far = world.listen(long_name);
  world.join();
  test.run_until_idle();
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 5; ++i) {
      auto ear = world.ref(world.a, "ear " + std::to_string(i));
      auto answer = test.run(ear.send<Ask>(std::to_string(i)));
      REQUIRE(answer.value() == std::to_string(i));
    }
  auto answer = test.run(world.ref(world.a, long_name).send<Ask>("far"));
  REQUIRE(answer.value() == "far");
  for (const auto& one : all) REQUIRE(one->asked == 3);
  REQUIRE(far->asked == 1);
}

TEST_CASE("A long message is cut, and what keeps the link alive passes between", "[link]") {
  TestSystem test;
  World world(test);
  auto heard = world.listen("ear");
  const auto wire = world.join();
  wire.there->change([](StreamTrouble& trouble) { trouble.capacity = 4'096; });
  test.run_until_idle();
  const std::string text(3u << 20, 'x');
  REQUIRE(world.ref(world.a, "ear").notify<Text>(text));
  wire.there->change([](StreamTrouble& trouble) { trouble.stalled = true; });
  test.run_until_idle();
  auto asking = world.a.peer->ask(coerce::detail::InternalKind::Locate, {1}, 5s);
  bool answered_before = false;
  test.system().spawn([](coerce::Task<coerce::Result<coerce::Bytes>> task, bool& flag,
                         std::shared_ptr<Listener::Heard> ear) -> coerce::Task<void> {
    auto answer = co_await task;
    flag = answer.has_value() && ear->texts.empty();
  }(std::move(asking), answered_before, heard));
  test.run_until_idle();
  wire.there->change([](StreamTrouble& trouble) { trouble.stalled = false; });
  test.run_until_idle();
  REQUIRE(heard->texts.size() == 1);
  REQUIRE(heard->texts[0] == text);
  REQUIRE(answered_before);
}

TEST_CASE("A message that is longer than the peer takes is an error of its sender alone",
          "[link]") {
  TestSystem test;
  World world(test);
  auto heard = world.listen("ear");
  world.join(1, 100'000);
  test.run_until_idle();
  auto ear = world.ref(world.a, "ear");
  auto refused = ear.notify<Text>(std::string(100'001, 'x'));
  REQUIRE_FALSE(refused);
  REQUIRE(refused.error().kind() == ActorRefErrKind::Serialisation);
  auto asked = test.run(ear.send<Ask>(std::string(100'001, 'x')));
  REQUIRE_FALSE(asked);
  REQUIRE(asked.error().kind() == ActorRefErrKind::Serialisation);
  auto fits = test.run(ear.send<Ask>(std::string(90'000, 'x')));
  REQUIRE(fits.value().size() == 90'000);
}

TEST_CASE("Asks and tells go by the control lane, with an answer or an error", "[link]") {
  TestSystem test;
  World world(test);
  const auto wire = world.join();
  test.run_until_idle();
  using coerce::detail::InternalKind;
  auto answer = test.run(world.a.peer->ask(InternalKind::Locate, {7}, 1s));
  REQUIRE(answer.value() == coerce::Bytes{7, '!'});
  const coerce::Bytes news{9};
  REQUIRE(world.a.peer->tell(InternalKind::Members, news));
  test.run_until_idle();
  REQUIRE(world.b.host.served.size() == 2);
  REQUIRE(world.b.host.served[1].first == InternalKind::Members);
  world.b.host.holds_asks = true;
  auto silence = test.run(world.a.peer->ask(InternalKind::Locate, {7}, 1s));
  REQUIRE_FALSE(silence);
  REQUIRE(silence.error().kind() == ActorRefErrKind::Timeout);
  REQUIRE(world.a.peer->inflight_requests() == 0);
}
