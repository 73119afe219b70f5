#include <coerce/actor/error.hpp>

#include <coerce/actor.hpp>

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstddef>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

using namespace std::chrono_literals;
using coerce::ActorRefErr;
using Kind = ActorRefErr::Kind;
using Outcome = ActorRefErr::Outcome;

namespace {

struct Made {
  Kind kind;
  ActorRefErr error;
};

/// One error of every kind, made by the factory of its name.
std::vector<Made> one_of_each_kind() {
  return {
      {Kind::ActorUnavailable, ActorRefErr::ActorUnavailable("busy moving")},
      {Kind::NotFound, ActorRefErr::NotFound("leon")},
      {Kind::AlreadyExists, ActorRefErr::AlreadyExists("leon")},
      {Kind::Serialisation, ActorRefErr::Serialisation("no codec")},
      {Kind::Deserialisation, ActorRefErr::Deserialisation("3 bytes are missing")},
      {Kind::Timeout, ActorRefErr::Timeout(250ms)},
      {Kind::ActorStartFailed, ActorRefErr::ActorStartFailed("no configuration")},
      {Kind::InvalidRef, ActorRefErr::InvalidRef()},
      {Kind::ResultChannelClosed, ActorRefErr::ResultChannelClosed()},
      {Kind::ResultSendFailed, ActorRefErr::ResultSendFailed()},
      {Kind::NotSupported, ActorRefErr::NotSupported("leon", "GetPoints", "Player")},
      {Kind::NotImplemented, ActorRefErr::NotImplemented()},
      {Kind::HandlerFailed, ActorRefErr::HandlerFailed("out of paper")},
      {Kind::MailboxFull, ActorRefErr::MailboxFull()},
      {Kind::Unreachable, ActorRefErr::Unreachable("node 3 is down")},
      {Kind::Unauthorised, ActorRefErr::Unauthorised("no member")},
      {Kind::Cancelled, ActorRefErr::Cancelled()},
      {Kind::Fenced, ActorRefErr::Fenced("epoch 4 is over")},
      {Kind::Overloaded, ActorRefErr::Overloaded("too many requests")},
  };
}

}  // namespace

static_assert(std::is_same_v<coerce::Result<int>, tl::expected<int, ActorRefErr>>);

TEST_CASE("every kind of error has a factory of its name", "[errors]") {
  const auto errors = one_of_each_kind();
  REQUIRE(errors.size() == 19);
  for (const auto& [kind, error] : errors) CHECK(error.kind() == kind);
}

TEST_CASE("every error says something of its own in words", "[errors]") {
  std::set<std::string> texts;
  for (const auto& [kind, error] : one_of_each_kind()) {
    const auto text = fmt::format("{}", error);
    CHECK_FALSE(text.empty());
    texts.insert(text);
  }
  CHECK(texts.size() == one_of_each_kind().size());
}

TEST_CASE("an error is equal to itself, to its copy and to another of the same making",
          "[errors]") {
  const auto errors = one_of_each_kind();
  const auto again = one_of_each_kind();
  for (std::size_t i = 0; i < errors.size(); ++i) {
    for (std::size_t j = 0; j < errors.size(); ++j) {
      CHECK((errors[i].error == again[j].error) == (i == j));
    }
    const auto copy = errors[i].error;
    CHECK(copy == errors[i].error);
  }
}

TEST_CASE("errors of one kind differ by what they tell", "[errors]") {
  CHECK(ActorRefErr::NotFound("leon") != ActorRefErr::NotFound("jess"));
  CHECK(ActorRefErr::HandlerFailed("out of paper") != ActorRefErr::HandlerFailed("out of ink"));
  CHECK(ActorRefErr::Timeout(1s) != ActorRefErr::Timeout(2s));
}

TEST_CASE("an error keeps what it was made of, and shows it", "[errors]") {
  CHECK(ActorRefErr::NotFound("leon").actor_id().view() == "leon");
  CHECK_THAT(fmt::format("{}", ActorRefErr::NotFound("leon")), Catch::Contains("leon"));

  CHECK(ActorRefErr::AlreadyExists("leon").actor_id().view() == "leon");
  CHECK_THAT(fmt::format("{}", ActorRefErr::AlreadyExists("leon")), Catch::Contains("leon"));

  CHECK(ActorRefErr::Timeout(250ms).time_taken() == 250ms);

  const auto failed = ActorRefErr::HandlerFailed("out of paper");
  CHECK(failed.detail() == "out of paper");
  CHECK_THAT(fmt::format("{}", failed), Catch::Contains("out of paper"));

  const auto not_supported = ActorRefErr::NotSupported("leon", "GetPoints", "Player");
  CHECK(not_supported.actor_id().view() == "leon");
  CHECK(not_supported.message_type() == "GetPoints");
  CHECK(not_supported.actor_type() == "Player");
  CHECK_THAT(fmt::format("{}", not_supported),
             Catch::Contains("leon") && Catch::Contains("GetPoints") && Catch::Contains("Player"));
}

TEST_CASE("an error without particulars gives empty ones", "[errors]") {
  const auto error = ActorRefErr::InvalidRef();
  CHECK(error.actor_id().view().empty());
  CHECK(error.message_type().empty());
  CHECK(error.actor_type().empty());
  CHECK(error.detail().empty());
  CHECK(error.time_taken() == 0ms);
}

TEST_CASE("an error tells whether its message may have been handled", "[errors]") {
  SECTION("certainly not") {
    CHECK(ActorRefErr::NotFound("leon").outcome() == Outcome::NotDelivered);
    CHECK(ActorRefErr::AlreadyExists("leon").outcome() == Outcome::NotDelivered);
    CHECK(ActorRefErr::InvalidRef().outcome() == Outcome::NotDelivered);
    CHECK(ActorRefErr::MailboxFull().outcome() == Outcome::NotDelivered);
    CHECK(ActorRefErr::NotSupported("leon", "GetPoints", "Player").outcome() ==
          Outcome::NotDelivered);
    CHECK(ActorRefErr::Unauthorised("no member").outcome() == Outcome::NotDelivered);
  }
  SECTION("perhaps") { CHECK(ActorRefErr::Timeout(1s).outcome() == Outcome::Unknown); }
  SECTION("certainly") {
    CHECK(ActorRefErr::HandlerFailed("out of paper").outcome() == Outcome::Handled);
  }
}

TEST_CASE("an error travels in a Result", "[errors]") {
  const coerce::Result<int> result = coerce::unexpected(ActorRefErr::NotFound("leon"));
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error() == ActorRefErr::NotFound("leon"));
}
