#include <coerce/codec/type_table.hpp>

#include <catch2/catch.hpp>

#include <stdexcept>

#include <coerce/codec/members.hpp>

#include "codec/support.hpp"

namespace {

using namespace coerce;
using namespace codec_tests;

struct DepositedV1 {
  std::int32_t euros = 0;
};
struct DepositedV2 {
  std::int64_t cents = 0;
};
struct Deposited {
  std::int64_t cents = 0;
  std::string currency{};
};
struct Withdrawn {
  std::int64_t cents = 0;
};

}  // namespace

template <>
struct coerce::Codec<DepositedV1> : coerce::MemberCodec<DepositedV1, &DepositedV1::euros> {};
template <>
struct coerce::Codec<DepositedV2> : coerce::MemberCodec<DepositedV2, &DepositedV2::cents> {};
template <>
struct coerce::Codec<Deposited>
    : coerce::MemberCodec<Deposited, &Deposited::cents, &Deposited::currency> {};
template <>
struct coerce::Codec<Withdrawn> : coerce::MemberCodec<Withdrawn, &Withdrawn::cents> {};

namespace {

struct Ledger {
  using Answer = std::int64_t;
  std::string accepted{};

  Answer accept(Deposited event) {
    accepted += "deposited " + std::to_string(event.cents) + event.currency + "\n";
    return balance += event.cents;
  }
  Answer accept(Withdrawn event) {
    accepted += "withdrawn " + std::to_string(event.cents) + "\n";
    return balance -= event.cents;
  }
  Answer accept(DepositedV2 event) { return balance += event.cents; }
  Answer accept(int cents) { return balance += cents; }
  std::int64_t balance = 0;
};

DepositedV2 in_cents(const DepositedV1& old) { return {std::int64_t{old.euros} * 100}; }
Deposited with_currency(const DepositedV2& old) { return {old.cents, "EUR"}; }

TypeTable<Ledger> ledger_types() {
  TypeTable<Ledger> types;
  types.upgrade<DepositedV1>("DepositedV1", in_cents)
      .upgrade<DepositedV2>("DepositedV2", with_currency)
      .type<Deposited>("Deposited")
      .type<Withdrawn>("Withdrawn")
      .alias<Withdrawn>("Debited");
  types.check();
  return types;
}

/// What registering says, or nothing.
template <class Register>
std::string refusal(const Register& registers) {
  TypeTable<Ledger> types;
  try {
    registers(types);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("values of every version arrive as the type of today", "[type_table]") {
  const auto types = ledger_types();
  Ledger ledger;
  const auto decode = [&](std::string_view identifier, const Bytes& from) {
    const auto balance = types.decode(identifier, from, ledger);
    REQUIRE(balance);
    return *balance;
  };
  CHECK(decode("DepositedV1", encoded(DepositedV1{3})) == 300);
  CHECK(decode("DepositedV2", encoded(DepositedV2{50})) == 350);
  CHECK(decode("Deposited", encoded(Deposited{1, "USD"})) == 351);
  CHECK(decode("Withdrawn", encoded(Withdrawn{51})) == 300);
  CHECK(decode("Debited", encoded(Withdrawn{100})) == 200);
  CHECK(ledger.accepted ==
        "deposited 300EUR\ndeposited 50EUR\ndeposited 1USD\nwithdrawn 51\nwithdrawn 100\n");
}

TEST_CASE("a table knows what it decodes, and how today's types are called", "[type_table]") {
  const auto types = ledger_types();
  CHECK(types.knows("DepositedV1"));
  CHECK(types.knows("Debited"));
  CHECK_FALSE(types.knows("Nothing"));
  CHECK(types.identifier_of<Deposited>() == "Deposited");
  CHECK(types.identifier_of<Withdrawn>() == "Withdrawn");
  CHECK(types.identifier_of<DepositedV1>().empty());
  CHECK(types.identifier_of<int>().empty());
}

TEST_CASE("an identifier that nobody registered is an error that names it", "[type_table]") {
  const auto types = ledger_types();
  Ledger ledger;
  const auto answer = types.decode("Nothing", {}, ledger);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().kind() == ActorRefErr::Kind::NotSupported);
  CHECK(answer.error().message_type() == "Nothing");
  CHECK(ledger.accepted.empty());
}

TEST_CASE("what cannot be decoded or upgraded is an error, and not accepted", "[type_table]") {
  TypeTable<Ledger> types;
  types.type<Deposited>("Deposited")
      .upgrade<DepositedV1>("DepositedV1",
                            [](const DepositedV1& old) -> Result<Deposited> {
                              if (old.euros < 0)
                                return unexpected(ActorRefErr::Deserialisation("in debt"));
                              return Deposited{std::int64_t{old.euros} * 100, "EUR"};
                            })
      .upgrade<DepositedV2>("DepositedV2", [](const DepositedV2& old) -> Deposited {
        if (old.cents < 0) throw std::runtime_error("thrown");
        return {old.cents, "EUR"};
      });
  Ledger ledger;
  const auto error = [&](std::string_view identifier, const Bytes& from, CodecLimits limits = {}) {
    const auto answer = types.decode(identifier, from, ledger, limits);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind() == ActorRefErr::Kind::Deserialisation);
    return std::string(answer.error().detail());
  };
  CHECK(error("DepositedV1", bytes({1})).find("end too early") != std::string::npos);
  CHECK(error("Deposited", bytes({1})).find("end too early") != std::string::npos);
  CHECK(error("Deposited", encoded(Deposited{1, "EUR"}), {.max_bytes = 4}).find("limit of 4") !=
        std::string::npos);
  CHECK(error("DepositedV1", encoded(DepositedV1{-1})) == "in debt");
  CHECK(error("DepositedV2", encoded(DepositedV2{-1})).find("thrown") != std::string::npos);
  CHECK(ledger.accepted.empty());
  REQUIRE(types.decode("DepositedV1", encoded(DepositedV1{1}), ledger));
}

TEST_CASE("registering something twice is refused by name", "[type_table]") {
  CHECK(refusal([](auto& types) {
          types.template type<Deposited>("A").template type<Withdrawn>("A");
        }) == "coerce: 'A' is registered twice");
  CHECK(refusal([](auto& types) {
          types.template type<Deposited>("A").template type<Deposited>("B");
        }) == "coerce: the type of 'B' is registered already, as 'A'");
  CHECK(refusal([](auto& types) {
          types.template upgrade<DepositedV2>("A", with_currency).template type<DepositedV2>("B");
        }) == "coerce: the type of 'B' is registered already, as 'A'");
  CHECK(refusal([](auto& types) {
          types.template type<Deposited>("A").template alias<Deposited>("A");
        }) == "coerce: 'A' is registered twice");
  CHECK(refusal([](auto& types) { types.template type<Deposited>(""); }) ==
        "coerce: an identifier is empty");
  CHECK(refusal([](auto& types) { types.template alias<Deposited>("A"); }) ==
        "coerce: 'A' is an alias of a type that is not registered");
}

TEST_CASE("a refused registration leaves the table as it was", "[type_table]") {
  auto types = ledger_types();
  REQUIRE_THROWS_AS(types.type<int>("Deposited"), std::invalid_argument);
  CHECK(types.identifier_of<int>().empty());
  Ledger ledger;
  REQUIRE(types.decode("Deposited", encoded(Deposited{1, "EUR"}), ledger));
}

TEST_CASE("upgrades that go round in a circle are refused by name", "[type_table]") {
  CHECK(refusal([](auto& types) {
          types.template upgrade<DepositedV1>("V1", in_cents)
              .template upgrade<DepositedV2>("V2",
                                             [](const DepositedV2&) { return DepositedV1(); });
        }) == "coerce: the upgrade of 'V2' leads back to its own type");
  CHECK(refusal([](auto& types) {
          types.template upgrade<DepositedV1>("V1", [](const DepositedV1& same) { return same; });
        }) == "coerce: the upgrade of 'V1' leads back to its own type");
}

TEST_CASE("an upgrade to a type that nobody registered is found", "[type_table]") {
  TypeTable<Ledger> types;
  types.upgrade<DepositedV1>("V1", in_cents);
  REQUIRE_THROWS_WITH(types.check(),
                      "coerce: the upgrade of 'V1' leads to a type that is not registered");
  Ledger ledger;
  const auto answer = types.decode("V1", encoded(DepositedV1{1}), ledger);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().detail().find("not registered") != std::string_view::npos);
}
