#include <coerce/remote/handlers.hpp>

#include <catch2/catch.hpp>

#include <coerce/testkit.hpp>

namespace {

struct GetPoints {
  using Result = std::int64_t;
};
struct AddPoints {
  std::int64_t points = 0;
};
struct Untransmittable {
  void* pointer = nullptr;
};

class Player : public coerce::Actor {
 public:
  explicit Player(std::int64_t points = 0) : points_(points) {}
  std::int64_t handle(GetPoints, coerce::ActorContext&) { return points_; }
  void handle(AddPoints message, coerce::ActorContext&) { points_ += message.points; }
  void handle(Untransmittable, coerce::ActorContext&) {}

 private:
  std::int64_t points_;
};

struct PlayerFactory {
  using Actor = Player;
  using Recipe = std::int64_t;
  coerce::Task<coerce::Result<Player>> create(std::int64_t points) const {
    if (points < 0) co_return coerce::unexpected(coerce::ActorRefErr::NotImplemented());
    co_return Player(points);
  }
};

/// Keeps the answers to inbound requests.
struct Answers : coerce::detail::ReplySink {
  void reply(std::uint64_t, coerce::BytesView answer) noexcept override {
    bytes.assign(answer.begin(), answer.end());
    ++count;
  }
  void reply_error(std::uint64_t, coerce::ActorRefErr failure) noexcept override {
    error = failure;
    ++count;
  }
  coerce::Bytes bytes;
  std::optional<coerce::ActorRefErr> error;
  int count = 0;
};

}  // namespace

template <>
struct coerce::Codec<AddPoints> {
  static Result<void> encode(const AddPoints& message, Bytes& out) {
    return Codec<std::int64_t>::encode(message.points, out);
  }
  static Result<AddPoints> decode(BytesView bytes) {
    auto points = Codec<std::int64_t>::decode(bytes);
    if (!points) return unexpected(points.error());
    return AddPoints{*points};
  }
};
template <>
struct coerce::Codec<GetPoints> {
  static Result<void> encode(const GetPoints&, Bytes&) { return {}; }
  static Result<GetPoints> decode(BytesView) { return GetPoints{}; }
};

TEST_CASE("A handler is found by its name and by its types") {
  coerce::RemoteHandlers handlers;
  handlers.with_handler<Player, GetPoints>("Player.GetPoints")
      .with_handler<Player, AddPoints>("Player.AddPoints")
      .with_actor(PlayerFactory{}, "Player");
  const auto* by_name = handlers.find("Player.AddPoints");
  REQUIRE(by_name != nullptr);
  REQUIRE(by_name == handlers.find(&coerce::detail::kActorKey<Player>,
                                   &coerce::detail::kMessageKey<AddPoints>));
  REQUIRE(by_name->index == 1);
  REQUIRE(handlers.find("nobody") == nullptr);
  REQUIRE(handlers.find_factory("Player") != nullptr);
  REQUIRE(handlers.capabilities().messages ==
          std::vector<std::string>{"Player.AddPoints", "Player.GetPoints"});
  REQUIRE_THROWS_AS((handlers.with_handler<Player, GetPoints>("other")), std::invalid_argument);
  REQUIRE_THROWS_AS((handlers.with_handler<Player, Untransmittable>("Player.GetPoints")),
                    std::invalid_argument);
}

TEST_CASE("Bytes of another node become messages, and their answers bytes") {
  coerce::testkit::TestSystem test({.seed = 1});
  auto player = test.start<Player>("leon", 7);
  coerce::RemoteHandlers handlers;
  handlers.with_handler<Player, GetPoints>("get").with_handler<Player, AddPoints>("add");
  coerce::Bytes bytes;
  const AddPoints message{5};
  REQUIRE_FALSE(handlers.find("add")->encode(&message, bytes));
  REQUIRE_FALSE(handlers.find("add")->notify(*player.cell(), bytes));
  auto sink = std::make_shared<Answers>();
  REQUIRE_FALSE(
      handlers.find("get")->request(*player.cell(), {}, {sink, 1, coerce::TimePoint::max()}));
  test.run_until_idle();
  REQUIRE(sink->count == 1);
  REQUIRE(coerce::decode_message<std::int64_t>(sink->bytes).value() == 12);
  const coerce::Bytes garbage{1};
  REQUIRE(handlers.find("add")->notify(*player.cell(), garbage)->kind() ==
          coerce::ActorRefErrKind::Deserialisation);
}

TEST_CASE("A message without a codec is refused where it is sent [B-033]") {
  coerce::RemoteHandlers handlers;
  handlers.with_handler<Player, Untransmittable>("Player.Untransmittable");
  coerce::Bytes bytes;
  const Untransmittable message;
  const auto error = handlers.find("Player.Untransmittable")->encode(&message, bytes);
  REQUIRE(error.has_value());
  REQUIRE(coerce::is_not_transmittable(*error));
}

TEST_CASE("A factory makes an actor from a recipe or says why not") {
  coerce::testkit::TestSystem test({.seed = 1});
  coerce::RemoteHandlers handlers;
  handlers.with_actor(PlayerFactory{}, "Player");
  const auto& create = handlers.find_factory("Player")->create;
  auto recipe = coerce::encode_message<std::int64_t>(3).value();
  auto made = test.run(create(test.system(), "leon", recipe));
  REQUIRE(made.has_value());
  REQUIRE(made->as_actor<Player>().has_value());
  auto again = test.run(create(test.system(), "leon", recipe));
  REQUIRE(again.error().kind() == coerce::ActorRefErrKind::AlreadyExists);
  auto refused =
      test.run(create(test.system(), "ada", coerce::encode_message<std::int64_t>(-1).value()));
  REQUIRE(refused.error().kind() == coerce::ActorRefErrKind::ActorStartFailed);
  auto garbage = test.run(create(test.system(), "bob", coerce::Bytes{1}));
  REQUIRE(garbage.error().kind() == coerce::ActorRefErrKind::Deserialisation);
}
