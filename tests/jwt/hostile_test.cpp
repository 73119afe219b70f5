// Tokens that were good once, or are good elsewhere.

#include <coerce/jwt.hpp>

#include <catch2/catch.hpp>

#include <algorithm>

#include "remote/node_support.hpp"
#include "remote/stranger.hpp"
#include "testkit/log_capture.hpp"

namespace coerce::test::jwt_hostile_cases {
namespace {

using testkit::Simulation;

const std::string kSecret = "a secret of more than thirty-two bytes";

JwtOptions options() { return JwtOptions::shared_secret(kSecret); }
Setup tokens() {
  return [](RemoteActorSystemBuilder& builder) { builder.client_auth_jwt(options()); };
}

/// Node 1 listens; node 2 is the stranger's; node 3 joins.
struct World {
  World() {
    start(sim.node(1), victim, {});
    sim.run_for(1h);  // so that a clock that is late is not one of before 1970
  }

  bool logs(const std::string& text) {
    return sim.run_until([&] {
      return std::ranges::any_of(
          log.lines, [&](const auto& line) { return line.text.find(text) != std::string::npos; });
    });
  }
  std::string text() const {
    std::string all;
    for (const auto& line : log.lines) all += line.text + "\n";
    return all;
  }
  bool another_joins() {
    auto third = build_node(sim.node(3), tokens());
    start(sim.node(3), third, {address_of(sim.node(1))});
    return table_of(victim).find("3 healthy") != std::string::npos;
  }
  /// As node 66, with these tokens, by this clock.
  Result<Bytes> dial(std::shared_ptr<Authenticator> authenticator, Duration clock_is_off = 0s,
                     const std::string& cluster = "coerce") {
    auto settings = polite(66);
    settings.authenticator = std::move(authenticator);
    settings.cluster = cluster;
    settings.now = [this, clock_is_off] {
      return sim.node(2).system().clock().wall_now() + clock_is_off;
    };
    auto dialling = be_accepted_and_say(*sim.node(2).transport(), address_of(sim.node(1)),
                                        std::move(settings), frame_of(FrameKind::Goodbye));
    return sim.node(2).run(std::move(dialling));
  }

  testkit::detail::LogCapture log{false};
  Simulation sim{{.nodes = 3}};
  RemoteActorSystem victim = build_node(sim.node(1), tokens());
};

/// Trusts everybody, so that a stranger hears what a listener says to whoever has the right words.
class Credulous final : public Authenticator {
 public:
  explicit Credulous(std::shared_ptr<Authenticator> proves) : proves_(std::move(proves)) {}
  std::string name() const override { return proves_->name(); }
  Result<Bytes> prove(const HelloFacts& facts) override {
    HelloFacts changed = facts;
    if (change) change(changed);
    return proves_->prove(changed);
  }
  Result<void> verify(const HelloFacts&, BytesView) override { return {}; }

  std::function<void(HelloFacts&)> change;

 private:
  std::shared_ptr<Authenticator> proves_;
};

/// Carries what both sides say, and keeps what the dialler has said.
struct Relay {
  Bytes said;
  std::unique_ptr<Connection> dialler, listener;
};

Task<void> carry(Connection& from, Connection& to, Bytes* copy) {
  Bytes room(4096);
  for (;;) {
    auto reading = from.read_some(room);
    const auto count = co_await reading;
    if (!count || *count == 0) break;
    const BytesView piece = BytesView(room).first(*count);
    if (copy != nullptr) copy->insert(copy->end(), piece.begin(), piece.end());
    auto writing = to.write(piece);
    const auto written = co_await writing;
    if (!written) break;
  }
  from.close();
  to.close();
}

Task<void> relay(std::shared_ptr<Transport> transport, std::string at, std::string to,
                 std::shared_ptr<Relay> into) {
  auto listening = transport->listen(std::move(at));
  auto listener = co_await listening;
  auto accepting = (*listener)->accept();
  auto accepted = co_await accepting;
  auto connecting = transport->connect(std::move(to));
  auto connected = co_await connecting;
  into->dialler = std::move(*accepted);
  into->listener = std::move(*connected);
  auto there = carry(*into->dialler, *into->listener, &into->said);
  auto back = carry(*into->listener, *into->dialler, nullptr);
  co_await when_all(std::move(there), std::move(back));
}

}  // namespace

TEST_CASE("a token of another secret, another time, cluster or node is refused and named",
          "[hostile][jwt][system][B-051]") {
  World world;
  const auto credulous =
      std::make_shared<Credulous>(jwt_authenticator(JwtOptions::shared_secret("another secret")));
  CHECK_FALSE(world.dial(credulous));
  CHECK(world.logs("(node 66): the signature of the token is wrong"));

  const auto knowing = std::make_shared<Credulous>(jwt_authenticator(options()));
  CHECK_FALSE(world.dial(knowing, -10min));
  CHECK(world.logs("(node 66): the token has expired"));
  CHECK_FALSE(world.dial(knowing, 10min));
  CHECK(world.logs("(node 66): the token cannot be used yet"));
  CHECK_FALSE(world.dial(knowing, 0s, "theirs"));
  CHECK(world.logs("it belongs to another cluster"));

  knowing->change = [](HelloFacts& facts) { facts.prover_id = 3; };
  CHECK_FALSE(world.dial(knowing));
  CHECK(world.logs("it is of another node (sub)"));
  knowing->change = [](HelloFacts& facts) { facts.verifier_incarnation.random ^= 1; };
  CHECK_FALSE(world.dial(knowing));
  CHECK(world.logs("it was made for another node or cluster (aud)"));
  knowing->change = [](HelloFacts& facts) { facts.prover = HelloFacts::Role::Listen; };
  CHECK_FALSE(world.dial(knowing));
  CHECK(world.logs("it is of the wrong side of the connection (role)"));

  INFO(world.text());
  CHECK(world.another_joins());
  knowing->change = nullptr;
  CHECK(world.dial(knowing));
}

TEST_CASE("a listener whose token is not good is refused, and hears none",
          "[hostile][jwt][system][B-051]") {
  World world;
  CHECK_FALSE(world.dial(jwt_authenticator(JwtOptions::shared_secret("another secret"))));
  CHECK(world.logs("refused by the peer (Unauthorised)"));
  CHECK(world.another_joins());
}

TEST_CASE("what a node has said once is worth nothing when it is said again",
          "[hostile][jwt][system][B-051]") {
  World world;
  const auto recorded = std::make_shared<Relay>();
  const std::string relay_address = address_of(world.sim.node(2));
  world.sim.node(2).system().spawn(
      relay(world.sim.node(2).transport(), relay_address, address_of(world.sim.node(1)), recorded));
  auto third = build_node(world.sim.node(3), tokens());
  start(world.sim.node(3), third, {relay_address});
  REQUIRE(table_of(world.victim).find("3 healthy") != std::string::npos);

  // Its hello, its token and its acceptance, and nothing of the link behind them.
  Bytes words;
  for (int frame = 0; frame < 3; ++frame) {
    const FrameHeader header = detail::read_header(recorded->said.data() + words.size());
    const std::size_t end = words.size() + detail::kFrameHeaderSize + header.length;
    REQUIRE(recorded->said.size() >= end);
    words.assign(recorded->said.begin(), recorded->said.begin() + static_cast<std::ptrdiff_t>(end));
  }
  auto replaying =
      dial_and_say(*world.sim.node(2).transport(), address_of(world.sim.node(1)), words);
  (void)world.sim.node(2).run(std::move(replaying));
  INFO(world.text());
  CHECK(world.logs("(node 3): the token is not for this: it was made for another connection"));
  CHECK(table_of(world.victim).find("3 healthy") != std::string::npos);
}

}  // namespace coerce::test::jwt_hostile_cases
