#include <coerce/testkit/conformance.hpp>

#include <catch2/catch.hpp>

#include <coerce/persistence/in_memory.hpp>
#include <coerce/testkit/failing_journal.hpp>

namespace {

using namespace coerce;
using namespace std::chrono_literals;
namespace conformance = coerce::testkit::conformance;

constexpr conformance::ConformanceOptions kShort = {.seeds = 1, .simulated = true};

Task<JournalResult<InMemoryStorageProvider>> connect() { co_return InMemoryStorageProvider(); }

/// A store that holds every append for ever.
testkit::FailingJournal holding() {
  testkit::FailingJournal store{InMemoryStorageProvider()};
  store.hold(testkit::JournalOp::Append);
  return store;
}

}  // namespace

TEST_CASE("a factory may give a store in any form", "[conformance]") {
  const auto passes = [](auto factory) {
    const auto report = conformance::run_journal(factory, kShort);
    INFO(report.text);
    CHECK(report.passed);
    CHECK(report.trials > 20);
  };
  passes([] { return InMemoryStorageProvider(); });
  passes([] { return std::make_shared<InMemoryStorageProvider>(); });
  passes([] { return InMemoryStorageProvider().journal_storage(); });
  passes([] { return JournalResult<InMemoryStorageProvider>(InMemoryStorageProvider()); });
  passes(&connect);
}

TEST_CASE("a store that cannot be opened is reported", "[conformance]") {
  const auto report = conformance::run_journal(
      []() -> JournalResult<InMemoryStorageProvider> {
        return coerce::unexpected(JournalErr(JournalErr::Kind::Corrupt, "no database"));
      },
      kShort);
  CHECK(!report.passed);
  CHECK(report.text.find("no database") != std::string::npos);
}

TEST_CASE("a report names promise, seed and operations", "[conformance]") {
  testkit::FailingJournal store{InMemoryStorageProvider()};
  store.fail_next(testkit::JournalOp::Append, testkit::JournalFault::Unavailable);
  auto options = kShort;
  options.first_seed = 77;
  const auto report = conformance::run_journal([&] { return store; }, options);
  REQUIRE(!report.passed);
  CHECK(!report.promise.empty());
  CHECK(report.text.find(report.promise) != std::string::npos);
  CHECK(report.text.find("a test wants it so") != std::string::npos);
  CHECK(report.text.find("a: open account as before -> account#1@0") != std::string::npos);
  CHECK(report.text.find(std::to_string(report.failing_seed)) != std::string::npos);
}

TEST_CASE("a call that has no end is reported, in virtual time and on threads", "[conformance]") {
  for (const bool simulated : {true, false}) {
    auto options = kShort;
    options.simulated = simulated;
    options.deadline = 200ms;
    const auto report = conformance::run_journal(&holding, options);
    INFO(report.text);
    CHECK(!report.passed);
    CHECK(report.text.find("a call had no end") != std::string::npos);
  }
}

TEST_CASE("no seed of a conformance suite is 0", "[conformance]") {
  CHECK_THROWS_AS(conformance::run_journal(&holding, {.first_seed = 0}), std::invalid_argument);
}
