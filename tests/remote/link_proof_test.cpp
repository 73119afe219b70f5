#include "remote/link_proof.hpp"

#include <catch2/catch.hpp>

#include "remote/control_frames.hpp"
#include "remote/frame_reader.hpp"
#include "remote/link_world.hpp"

using namespace std::chrono_literals;
using namespace remote_test;
using coerce::Bytes;
using coerce::BytesView;
using coerce::HelloFacts;
using coerce::Result;
using coerce::detail::challenge_bytes;
using coerce::detail::FrameKind;
using coerce::testkit::TestSystem;

namespace {

constexpr auto kAge = 40s;

/// Proves by a word and what the proof is bound to.
class BoundWord final : public coerce::Authenticator {
 public:
  explicit BoundWord(std::string word, std::optional<coerce::Duration> age = kAge)
      : word_(std::move(word)), age_(age) {}
  std::string name() const override { return "bound-word"; }
  Result<Bytes> prove(const HelloFacts& facts) override {
    ++proofs;
    if (fails) return coerce::unexpected(coerce::ActorRefErr::Unauthorised("no key"));
    return proof(facts);
  }
  Result<void> verify(const HelloFacts& facts, BytesView shown) override {
    if (coerce::text_of(shown) == coerce::text_of(proof(facts))) return {};
    return coerce::unexpected(coerce::ActorRefErr::Unauthorised("the wrong word"));
  }
  std::optional<coerce::Duration> max_link_age() const override { return age_; }

  int proofs = 0;
  bool fails = false;

 private:
  Bytes proof(const HelloFacts& facts) const {
    Bytes bytes = coerce::bytes_of(word_);
    bytes.insert(bytes.end(), facts.verifier_nonce.begin(), facts.verifier_nonce.end());
    return bytes;
  }

  std::string word_;
  std::optional<coerce::Duration> age_;
};

Bytes frame(FrameKind kind, BytesView payload) {
  Bytes bytes(coerce::detail::kFrameHeaderSize);
  coerce::detail::write_header({.length = static_cast<std::uint32_t>(payload.size()), .kind = kind},
                               bytes.data());
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

/// Side b of a link, played by the test: it pings, and says what it is told to.
class OtherSide {
 public:
  OtherSide(World& world, World::Wire wire) : world_(world), wire_(std::move(wire)) {}

  void say(const Bytes& bytes) {
    world_.test.run([](auto stream, Bytes its) -> coerce::Task<void> {
      std::atomic<std::uint64_t> written{0};
      auto writing = stream->write(its, written);
      auto done = co_await writing;
      (void)done;
    }(wire_.there, bytes));
    world_.test.run_until_idle();
  }
  /// A second goes by, and it is still there.
  void pass_second() {
    world_.test.advance(1s);
    const coerce::detail::Ping ping{++pings_, std::chrono::seconds(pings_), {}};
    say(frame(FrameKind::Ping, to_bytes(ping)));
  }
  /// The payloads of all frames of a kind that have come and were not asked for yet.
  std::vector<Bytes> heard(FrameKind kind) {
    std::vector<Bytes> payloads;
    while (wire_.back->waiting() > 0) {
      auto space = frames_.space();
      const auto count = world_.test.run(wire_.back->read(space));
      REQUIRE(count);
      frames_.filled(*count);
      coerce::detail::Frame one;
      while (frames_.next(one) == coerce::detail::FrameReader::Found::Frame)
        if (one.header.kind == kind) payloads.emplace_back(one.payload.begin(), one.payload.end());
    }
    return payloads;
  }

 private:
  World& world_;
  World::Wire wire_;
  coerce::detail::FrameReader frames_;
  std::uint64_t pings_ = 0;
};

std::shared_ptr<BoundWord> give(World::Side& side, const std::string& word,
                                std::optional<coerce::Duration> age = kAge) {
  auto authenticator = std::make_shared<BoundWord>(word, age);
  side.host.proves = authenticator;
  return authenticator;
}

void check_ended(World::Side& side, const std::string& why, bool hostile = true) {
  REQUIRE(side.ends.size() == 1);
  CHECK_THAT(side.ends[0].why, Catch::Contains(why));
  CHECK(side.ends[0].hostile == hostile);
}

}  // namespace

TEST_CASE("A link proves itself again each time before it reaches the allowed age", "[B-051]") {
  TestSystem test;
  World world(test);
  const auto a = give(world.a, "word");
  const auto b = give(world.b, "word", std::nullopt);  // it asks nobody, and answers all the same
  world.join();
  test.advance(29s);
  CHECK(b->proofs == 0);
  test.advance(2s);
  CHECK(b->proofs == 1);
  test.advance(300s);
  CHECK(b->proofs == 11);
  CHECK(a->proofs == 0);
  CHECK(world.a.peer->is_connected());
  CHECK(world.a.ends.empty());
}

TEST_CASE("A link ends when its peer proves something else", "[B-051]") {
  TestSystem test;
  World world(test);
  give(world.a, "word");
  give(world.b, "another word");
  world.join();
  test.advance(29s);
  CHECK(world.a.ends.empty());
  test.advance(2s);
  REQUIRE(world.a.ends.size() + world.b.ends.size() == 2);
  const auto& refused = world.a.ends[0].hostile ? world.a.ends[0] : world.b.ends[0];
  CHECK(refused.hostile);
  CHECK_THAT(refused.why, Catch::Contains("the wrong word"));
}

TEST_CASE("A side that cannot prove itself any more ends the link, and says so", "[B-051]") {
  TestSystem test;
  World world(test);
  give(world.a, "word");
  give(world.b, "word", std::nullopt)->fails = true;
  world.join();
  test.advance(31s);
  check_ended(world.b, "no key", false);
}

TEST_CASE("A link whose peer answers no challenge ends at the allowed age", "[B-051]") {
  TestSystem test;
  World world(test);
  give(world.a, "word");
  OtherSide other(world, world.join_alone(world.a));
  for (int i = 0; i < 39; ++i) {
    other.pass_second();
    REQUIRE(other.heard(FrameKind::Challenge).size() == (i == 29 ? 1 : 0));
  }
  CHECK(world.a.ends.empty());
  test.advance(1s);
  check_ended(world.a, "not proven itself again in time");
}

TEST_CASE("A proof counts once, and only for the challenge that is open", "[B-051]") {
  TestSystem test;
  World world(test);
  give(world.a, "word");
  OtherSide other(world, world.join_alone(world.a));
  Bytes first;
  for (int i = 0; i < 31; ++i) {
    other.pass_second();
    for (const auto& challenge : other.heard(FrameKind::Challenge)) {
      const auto nonce = coerce::detail::read_challenge(challenge);
      REQUIRE(nonce);
      first = coerce::bytes_of("word");
      first.insert(first.end(), nonce->begin(), nonce->end());
      first = frame(FrameKind::Proof, first);
    }
  }
  REQUIRE_FALSE(first.empty());
  other.say(first);
  CHECK(world.a.ends.empty());
  SECTION("not without a challenge") {
    other.say(first);
    check_ended(world.a, "nobody has asked for");
  }
  SECTION("not for the next one") {
    for (int i = 0; i < 31; ++i) {
      other.pass_second();
      (void)other.heard(FrameKind::Challenge);
    }
    CHECK(world.a.ends.empty());
    other.say(first);
    check_ended(world.a, "the wrong word");
  }
}

TEST_CASE(
    "Challenges that are malformed, or without end, or where nobody proves anything, end the "
    "link",
    "[B-201]") {
  TestSystem test;
  World world(test);
  const auto authenticator = give(world.a, "word");
  SECTION("too short") {
    OtherSide(world, world.join_alone(world.a))
        .say(frame(FrameKind::Challenge, challenge_bytes(Bytes(31))));
    check_ended(world.a, "malformed challenge");
  }
  SECTION("garbage") {
    OtherSide(world, world.join_alone(world.a)).say(frame(FrameKind::Challenge, Bytes(50, 0xff)));
    check_ended(world.a, "malformed challenge");
  }
  SECTION("a proof too long") {
    OtherSide(world, world.join_alone(world.a)).say(frame(FrameKind::Proof, Bytes(3000)));
    check_ended(world.a, "has not proven itself");
  }
  SECTION("without end") {
    OtherSide other(world, world.join_alone(world.a));
    for (int i = 0; i < 8; ++i) other.say(frame(FrameKind::Challenge, challenge_bytes(Bytes(32))));
    CHECK(other.heard(FrameKind::Proof).size() == 8);
    CHECK(world.a.ends.empty());
    other.say(frame(FrameKind::Challenge, challenge_bytes(Bytes(32))));
    check_ended(world.a, "challenges without end");
    CHECK(authenticator->proofs == 8);
  }
  SECTION("where nobody proves anything") {
    world.a.host.proves = nullptr;
    OtherSide(world, world.join_alone(world.a))
        .say(frame(FrameKind::Challenge, challenge_bytes(Bytes(32))));
    check_ended(world.a, "nobody proves anything", false);
  }
}
