#include <coerce/testkit/conformance.hpp>

#include <catch2/catch.hpp>

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
                                      NeverExpires};
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
