#include <coerce/persistence/projection.hpp>

#include <catch2/catch.hpp>

#include <coerce/testkit.hpp>

#include "persistence/account.hpp"

namespace {

using namespace coerce;
using namespace bank;
using testkit::TestSystem;

struct Ledger {
  std::vector<std::string> seen{};
  int failures = 0;  ///< to come
};

struct Fixture {
  InMemoryStorageProvider provider;
  Notes notes;
  Ledger ledger;
  TestSystem test{{}, ActorSystem::builder().with_persistence(provider)};

  void deposit(std::string key, std::vector<std::int64_t> amounts) {
    notes.key = std::move(key);
    const auto account = test.start<Account>("account", notes);
    REQUIRE(test.run(account.send<DepositAll>(std::move(amounts))));
    REQUIRE(test.run(account.stop()));
  }
  Projection project() {
    const auto note = [this](const TaggedEntry& event) -> Result<void> {
      if (ledger.failures > 0) {
        --ledger.failures;
        return coerce::unexpected(ActorRefErr::HandlerFailed("not now"));
      }
      const auto deposited = decode_message<Deposited>(event.entry.bytes);
      if (!deposited) return coerce::unexpected(deposited.error());
      ledger.seen.push_back(event.persistence_id + " " + std::to_string(deposited->amount));
      return {};
    };
    auto started =
        test.run(Projection::start(test.system(), ProjectionOptions("ledger", "deposits"), note));
    REQUIRE(started);
    return std::move(*started);
  }
};

}  // namespace

TEST_CASE("a projection sees the tagged events of all journals in order", "[projection]") {
  Fixture fixture;
  fixture.deposit("a", {1, 2});
  fixture.deposit("b", {3});
  const auto projection = fixture.project();
  fixture.test.advance(std::chrono::seconds(1));
  REQUIRE(fixture.ledger.seen == std::vector<std::string>{"a 1", "a 2", "b 3"});
  fixture.deposit("a", {4});
  fixture.test.advance(std::chrono::seconds(1));
  REQUIRE(fixture.ledger.seen.back() == "a 4");
  REQUIRE(fixture.test.run(projection.offset()).value() > 4);
}

TEST_CASE("a projection reads the store of a class of actors, and keeps its place there",
          "[projection]") {
  const InMemoryStorageProvider everybodys;
  const InMemoryStorageProvider own;
  Notes notes;
  TestSystem test({}, ActorSystem::builder().with_persistence(
                          Persistence::from(everybodys).actor_provider<Account>(own)));
  const auto account = test.start<Account>("account", notes);
  REQUIRE(test.run(account.send<DepositAll>(std::vector<std::int64_t>{1, 2})));
  int of_accounts = 0;
  int of_others = 0;
  const auto count = [&of_accounts](const TaggedEntry&) { ++of_accounts; };
  const auto count_others = [&of_others](const TaggedEntry&) { ++of_others; };
  auto options = ProjectionOptions("ledger", "deposits").events_of<Account>();
  const auto projection = test.run(Projection::start(test.system(), options, count));
  const auto others = test.run(
      Projection::start(test.system(), ProjectionOptions("others", "deposits"), count_others));
  REQUIRE(projection);
  REQUIRE(others);
  test.advance(std::chrono::seconds(1));
  CHECK(of_accounts == 2);
  CHECK(of_others == 0);
  CHECK(test.run(own.journal_storage()->head("projection/ledger")).value() == 1);
  CHECK(test.run(everybodys.journal_storage()->head("projection/ledger")).value() == 0);
}

TEST_CASE("a projection that starts again goes on where it was", "[projection]") {
  Fixture fixture;
  fixture.deposit("a", {1, 2});
  {
    auto projection = fixture.project();
    fixture.test.advance(std::chrono::seconds(1));
    REQUIRE(fixture.test.run(projection.stop()));
    REQUIRE(!projection.is_running());
  }
  fixture.deposit("a", {3});
  const auto projection = fixture.project();
  fixture.test.advance(std::chrono::seconds(1));
  REQUIRE(fixture.ledger.seen == std::vector<std::string>{"a 1", "a 2", "a 3"});
}

TEST_CASE("an event that is not handled is tried again, and those behind it wait", "[projection]") {
  Fixture fixture;
  fixture.deposit("a", {1, 2});
  fixture.ledger.failures = 3;
  const auto projection = fixture.project();
  fixture.test.advance(std::chrono::seconds(30));
  REQUIRE(fixture.ledger.seen == std::vector<std::string>{"a 1", "a 2"});
  fixture.test.expect_log(LogLevel::Warn, "not now");
}

TEST_CASE("the end of a projection's handle stops it", "[projection]") {
  Fixture fixture;
  {
    const auto projection = fixture.project();
  }
  fixture.deposit("a", {1});
  fixture.test.advance(std::chrono::seconds(5));
  REQUIRE(fixture.ledger.seen.empty());
  REQUIRE(fixture.test.system().actor_count() == 0);
}
