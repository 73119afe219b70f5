#include <coerce/testkit/conformance.hpp>

#include <catch2/catch.hpp>

#include <coerce/persistence/in_memory.hpp>
#include <coerce/testkit/failing_journal.hpp>

#include "testkit/lying_journal.hpp"
#include "testkit/lying_leases.hpp"

namespace {

using namespace coerce;
namespace conformance = coerce::testkit::conformance;

constexpr conformance::ConformanceOptions kOptions = {.seeds = 40, .simulated = true};

}  // namespace

TEST_CASE("the suite of journals finds every lie", "[conformance]") {
  for (int lie = 1; lie <= static_cast<int>(test::JournalLie::Last); ++lie) {
    const auto report =
        conformance::run_journal(test::LyingJournals(static_cast<test::JournalLie>(lie)), kOptions);
    INFO("lie " << lie << ": " << report.text);
    CHECK(!report.passed);
    CHECK(!report.promise.empty());
    CHECK(report.failing_seed != 0);
  }
}

TEST_CASE("random operations and races find what directed cases might not", "[conformance]") {
  using enum test::JournalLie;
  constexpr test::JournalLie kLies[] = {AppendNotFenced,
                                        SnapshotNotFenced,
                                        DeletionOfEventsNotFenced,
                                        ReopenNotFenced,
                                        LowerEpochOpens,
                                        RefusedOpenFences,
                                        EpochNotStored,
                                        FenceForgottenByAHandle,
                                        ConflictBeforeFenced,
                                        ConflictIgnored,
                                        AcknowledgedAndLost,
                                        TornBatch,
                                        TornWhenUnknown,
                                        TwiceWhenUnknown,
                                        LandsBehindAFence,
                                        WrittenThoughUnavailable,
                                        ChecksThenWrites,
                                        AppendIdOfRefused,
                                        DeletesToN,
                                        DeleteAllResetsTheHead,
                                        TagSkipped,
                                        DeletedFoundByTag,
                                        OffsetsGivenAgain,
                                        NextOffsetTooFar,
                                        TagsSeenOutOfOrder,
                                        RestartForgetsTheEpoch,
                                        RestartLosesTheLastEvent,
                                        RestartBringsDeletedBack};
  auto options = kOptions;
  options.only_random = true;
  for (const test::JournalLie lie : kLies) {
    const auto report = conformance::run_journal(test::LyingJournals(lie), options);
    INFO("lie " << static_cast<int>(lie) << ": " << report.text);
    CHECK(!report.passed);
  }
}

TEST_CASE("random operations show nothing if a kind of calls is never answered", "[conformance]") {
  using testkit::JournalFault;
  auto options = kOptions;
  options.only_random = true;
  for (int op = 0; op <= static_cast<int>(testkit::JournalOp::ReadByTag); ++op) {
    for (const auto fault : {JournalFault::Unavailable, JournalFault::UnknownNotDone}) {
      const auto silent = [&] {
        testkit::FailingJournal store{InMemoryStorageProvider()};
        store.fail_next(static_cast<testkit::JournalOp>(op), fault, 1'000'000);
        return store;
      };
      const auto report = conformance::run_journal(silent, options);
      INFO(to_string(static_cast<testkit::JournalOp>(op)) << ": " << report.text);
      CHECK(!report.passed);
      CHECK(!report.promise.empty());
    }
  }
}

TEST_CASE("random operations bear a store that is often not available", "[conformance]") {
  auto options = kOptions;
  options.only_random = true;
  std::uint64_t seed = 0;
  const auto flighty = [&] {
    testkit::FailingJournal store{InMemoryStorageProvider()};
    store.fail_at_random({.unavailable = 400'000, .unknown_not_done = 50'000}, ++seed);
    return store;
  };
  const auto report = conformance::run_journal(flighty, options);
  INFO(report.text);
  CHECK(report.passed);
}

TEST_CASE("the suite of journals believes who does not lie", "[conformance]") {
  const auto report =
      conformance::run_journal(test::LyingJournals(test::JournalLie::None), kOptions);
  INFO(report.text);
  CHECK(report.passed);
}

TEST_CASE("the suite of leases finds every lie", "[conformance]") {
  for (int lie = 1; lie <= static_cast<int>(test::LeaseLie::Last); ++lie) {
    const auto report =
        conformance::run_leases(test::LyingLeaseStores(static_cast<test::LeaseLie>(lie)), kOptions);
    INFO("lie " << lie << ": " << report.text);
    CHECK(!report.passed);
    CHECK(!report.promise.empty());
  }
}

TEST_CASE("owners that race or take turns find what directed cases might not", "[conformance]") {
  using enum test::LeaseLie;
  constexpr test::LeaseLie kLies[] = {GrantsWhileAnotherHolds,
                                      GrantsNowAndThen,
                                      RefusesWhenFree,
                                      ReusesAnEpochAfterRelease,
                                      ReusesAnEpochAfterExpiry,
                                      OneEpochForAll,
                                      ForgetsEpochsOnRestart,
                                      ForgetsOwnersOnRestart,
                                      RenewsAfterExpiry,
                                      RenewsTheReleased,
                                      RenewsWithoutEffect,
                                      SaysLostWhenHeld,
                                      ReleaseWithoutEffect,
                                      ExpiresEarly,
                                      NeverExpires,
                                      AcquireUnavailable,
                                      RenewUnavailable,
                                      ReleaseUnavailable};
  auto options = kOptions;
  options.only_random = true;
  for (const test::LeaseLie lie : kLies) {
    const auto report = conformance::run_leases(test::LyingLeaseStores(lie), options);
    INFO("lie " << static_cast<int>(lie) << ": " << report.text);
    CHECK(!report.passed);
  }
}

TEST_CASE("the suite of leases believes who does not lie", "[conformance]") {
  const auto report =
      conformance::run_leases(test::LyingLeaseStores(test::LeaseLie::None), kOptions);
  INFO(report.text);
  CHECK(report.passed);
}
