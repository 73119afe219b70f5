#include "remote/deadlines.hpp"

#include <catch2/catch.hpp>

#include "remote/control_frames.hpp"
#include "remote/frame.hpp"
#include "remote/link_world.hpp"

using namespace std::chrono_literals;
using namespace remote_test;
using coerce::ActorRefErrKind;
using coerce::Bytes;
using coerce::BytesView;
using coerce::detail::FrameHeader;
using coerce::detail::FrameKind;
using coerce::testkit::TestSystem;
namespace frame_flag = coerce::detail::frame_flag;

namespace {

/// Links that may be silent for long, so that only deadlines act.
coerce::detail::PeerOptions patient() {
  coerce::detail::PeerOptions options;
  options.silence_deadline = 1h;
  options.write_deadline = 1h;
  return options;
}

/// The other end of a link of side b, played by the test.
class Impostor {
 public:
  explicit Impostor(World& world) : world_(world), wire_(world.join_alone(world.b)) {
    world_.test.run_until_idle();
    say({.kind = FrameKind::Ping}, to_bytes(coerce::detail::Ping{1, {}, {}}));
    say({.kind = FrameKind::NameActor, .target_id = 0}, coerce::bytes_of("ear"));
    say({.kind = FrameKind::NameType, .type_id = 0}, coerce::bytes_of("Listener.Number"));
  }

  void say(FrameHeader header, BytesView payload) {
    header.length = static_cast<std::uint32_t>(payload.size());
    Bytes frame(coerce::detail::kFrameHeaderSize);
    coerce::detail::write_header(header, frame.data());
    frame.insert(frame.end(), payload.begin(), payload.end());
    auto writing = wire_.there->write(frame, written_);
    REQUIRE(world_.test.run(std::move(writing)));
    world_.test.run_until_idle();
  }
  void notify_with(BytesView extensions, std::int64_t value) {
    Bytes payload(extensions.begin(), extensions.end());
    const auto encoded = coerce::encode_message(Number{value});
    payload.insert(payload.end(), encoded->begin(), encoded->end());
    say({.kind = FrameKind::Notify, .flags = frame_flag::kExtensions}, payload);
  }

 private:
  World& world_;
  World::Wire wire_;
  std::atomic<std::uint64_t> written_{0};
};

}  // namespace

TEST_CASE("What waits as long as everything else does is late all the same", "[link]") {
  coerce::detail::TransitClock clock;
  clock.observe_answer(100ms, 101ms, 2ms);
  REQUIRE(clock.delay(200ms, 201ms) == 0ms);
  // The buffers are full for two hours: pings and answers are as late as everything else.
  for (coerce::Duration now = 10s; now < 2h; now += 500ms) {
    clock.observe(now - 8s, now);
    clock.observe_answer(now - 8s, now, 8s + 1ms);
    REQUIRE(clock.delay(now - 8s, now) >= 7990ms);
  }
  REQUIRE(clock.delay(3h, 3h + 1ms) <= 1ms);
}

TEST_CASE("A peer whose clock stood still does not look late for ever", "[link]") {
  coerce::detail::TransitClock clock;
  clock.observe_answer(100ms, 101ms, 2ms);
  REQUIRE(clock.delay(200ms, 10'201ms) >= 9s);  // it cannot be known yet
  clock.observe_answer(300ms, 10'301ms, 2ms);
  REQUIRE(clock.delay(400ms, 10'401ms) <= 2ms);
}

TEST_CASE("A deadline goes on while its message is on its way", "[link][B-208]") {
  TestSystem test;
  World world(test, patient());
  auto heard = world.listen("ear");
  const auto wire = world.join();
  test.run_until_idle();
  stall(wire.there);
  auto answer = ask(test, world.ref(world.a, "ear").send_for<Ask>(5s, "x"));
  test.advance(2s);
  stall(wire.there, false);
  test.run_until_idle();
  REQUIRE(answer->has_value());
  REQUIRE(answer->value().has_value());
  REQUIRE(heard->left);
  REQUIRE(*heard->left > 2900ms);
  REQUIRE(*heard->left <= 3s);
}

TEST_CASE("What expires on its way is not handled, and counted as refused", "[link][B-208]") {
  TestSystem test;
  World world(test, patient());
  auto heard = world.listen("ear");
  const auto wire = world.join();
  test.run_until_idle();
  stall(wire.there);
  auto timed = ask(test, world.ref(world.a, "ear").send_for<Ask>(1s, "x"));
  auto untimed = ask(test, world.ref(world.a, "ear").send<Ask>("y"));  // 5 s
  test.advance(1100ms);
  REQUIRE(timed->has_value());
  REQUIRE(timed->value().error().kind() == ActorRefErrKind::Timeout);
  REQUIRE_FALSE(untimed->has_value());
  test.advance(4s);
  REQUIRE(untimed->has_value());
  REQUIRE(untimed->value().error().kind() == ActorRefErrKind::Timeout);
  REQUIRE(world.a.peer->inflight_requests() == 0);
  stall(wire.there, false);
  test.run_until_idle();
  REQUIRE(heard->asked == 0);
  REQUIRE(world.b.peer->counters().messages_refused == 2);
  test.run(world.a.peer->drain(test.system().clock().now() + 5s));
  REQUIRE(world.a.peer->counters().peer_refused == 2);
  require_balance(world.a.peer->counters());
}

TEST_CASE("What expires in the mailbox of its receiver is not handled", "[link][B-208]") {
  TestSystem test;
  World world(test, patient());
  auto heard = world.listen("ear");
  world.join();
  test.run_until_idle();
  REQUIRE(world.ref(world.a, "ear").notify<AskSlowly>(2'000));
  auto early = ask(test, world.ref(world.a, "ear").send_for<Ask>(1s, "x"));
  auto late = ask(test, world.ref(world.a, "ear").send_for<Ask>(3s, "y"));
  test.advance(2500ms);
  REQUIRE(early->value().error().kind() == ActorRefErrKind::Timeout);
  REQUIRE(late->value().value() == "y");
  REQUIRE(heard->asked == 2);
}

TEST_CASE("A request that expires before the next ping ends on time", "[link]") {
  TestSystem test;
  coerce::detail::PeerOptions options;
  options.ping_interval = 10s;
  options.silence_deadline = options.write_deadline = 1h;
  World world(test, options);
  world.b.host.holds_asks = true;
  world.join();
  test.run_until_idle();
  test.advance(1s);
  auto later = ask(test, world.a.peer->ask(coerce::detail::InternalKind::Locate, {1}, 2s));
  auto sooner = ask(test, world.a.peer->ask(coerce::detail::InternalKind::Locate, {1}, 100ms));
  test.advance(170ms);
  REQUIRE(sooner->has_value());
  REQUIRE(sooner->value().error().kind() == ActorRefErrKind::Timeout);
  REQUIRE_FALSE(later->has_value());
  test.advance(1900ms);
  REQUIRE(later->has_value());
}

TEST_CASE("Extensions that a node does not know are skipped", "[link]") {
  TestSystem test;
  World world(test, patient());
  auto heard = world.listen("ear");
  Impostor impostor(world);
  impostor.notify_with(Bytes{0, 0}, 1);                  // none
  impostor.notify_with(Bytes{5, 0, 77, 3, 1, 2, 3}, 2);  // one that is unknown
  Bytes block(2 + 4 + coerce::detail::kDeadlineBlock - 2);
  coerce::detail::write_deadline_block({1h, 0s}, block.data() + 4);
  block = {static_cast<std::uint8_t>(2 + coerce::detail::kDeadlineBlock - 2), 0, 200, 0};
  Bytes deadline(coerce::detail::kDeadlineBlock);
  coerce::detail::write_deadline_block({1h, 0s}, deadline.data());
  block.insert(block.end(), deadline.begin() + 2, deadline.end());
  impostor.notify_with(block, 3);  // before one that is known
  REQUIRE(heard->numbers == std::vector<std::int64_t>{1, 2, 3});
  coerce::detail::write_deadline_block({0s, 0s}, deadline.data());
  impostor.notify_with(deadline, 4);  // that one counts
  REQUIRE(heard->numbers.size() == 3);
  REQUIRE(world.b.peer->counters().messages_refused == 1);
  REQUIRE(world.b.ends.empty());
}

TEST_CASE("Extensions that are malformed end the link, and it is said why", "[link]") {
  for (const Bytes& block : {Bytes{9, 0, 1}, Bytes{1, 0, 77}, Bytes{3, 0, 77, 2, 1},
                             Bytes{3, 0, 1, 1, 1}, Bytes{0xff, 0xff}}) {
    TestSystem test({.seed = 0, .show_log = false});
    World world(test, patient());
    auto heard = world.listen("ear");
    Impostor impostor(world);
    impostor.say({.kind = FrameKind::Notify, .flags = frame_flag::kExtensions}, block);
    REQUIRE(world.b.ends.size() == 1);
    REQUIRE(world.b.ends[0].hostile);
    REQUIRE(world.b.ends[0].why == "a malformed extension block");
    REQUIRE(heard->numbers.empty());
  }
}
