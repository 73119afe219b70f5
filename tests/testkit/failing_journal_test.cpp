#include <coerce/testkit/failing_journal.hpp>

#include <catch2/catch.hpp>

#include <coerce/persistence/in_memory.hpp>
#include <coerce/testkit/conformance.hpp>
#include <coerce/testkit/test_system.hpp>

#include <map>

namespace {

using namespace coerce;
using namespace std::chrono_literals;
using testkit::FailingJournal;
using testkit::JournalFault;
using testkit::JournalOp;
using Kind = JournalErr::Kind;

std::vector<JournalEntry> events(std::size_t count) {
  JournalEntry event;
  event.payload_type = "Event";
  return std::vector<JournalEntry>(count, event);
}

/// A journal that is open, behind a FailingJournal.
struct Opened {
  testkit::TestSystem test;
  FailingJournal failing{InMemoryStorageProvider()};
  std::shared_ptr<JournalStorage> journal = failing.journal_storage();
  WriteToken token = test.run(journal->open("1"))->token;

  JournalResult<std::int64_t> append(std::int64_t head, std::size_t count = 1) {
    return test.run(journal->append(token, head, AppendId{1, 1}, events(count)));
  }
  std::int64_t head() { return test.run(journal->head("1")).value(); }
};

/// Stores that fail at random, each from a seed of its own, by their names.
class FailingStores {
 public:
  explicit FailingStores(testkit::JournalFaultRates rates) : rates_(rates) {}

  FailingJournal operator()(const std::string& name) {
    const auto [place, is_new] = stores_.try_emplace(name, InMemoryStorageProvider());
    if (is_new) place->second.fail_at_random(rates_, stores_.size());
    return place->second;
  }
  std::size_t faults() const {
    std::size_t sum = 0;
    for (const auto& [name, store] : stores_) sum += store.faults();
    return sum;
  }

 private:
  testkit::JournalFaultRates rates_;
  std::map<std::string, FailingJournal> stores_;
};

}  // namespace

TEST_CASE("so many operations fail as were asked for, of their kind, and no more",
          "[failing_journal]") {
  Opened opened;
  opened.failing.fail_next(JournalOp::Append, JournalFault::Unavailable, 2);
  CHECK(opened.head() == 0);
  for (int i = 0; i < 2; ++i) {
    const auto failed = opened.append(0);
    REQUIRE(!failed);
    CHECK(failed.error().kind() == Kind::Unavailable);
  }
  CHECK(opened.append(0));
  CHECK(opened.failing.faults() == 2);
  CHECK(opened.failing.calls(JournalOp::Append) == 3);
  CHECK(opened.head() == 1);
}

TEST_CASE("faults that are meant for any operation take the next ones", "[failing_journal]") {
  Opened opened;
  opened.failing.fail_next(JournalFault::Corrupt);
  const auto head = opened.test.run(opened.journal->head("1"));
  REQUIRE(!head);
  CHECK(head.error().kind() == Kind::Corrupt);
  CHECK(opened.append(0));
}

TEST_CASE("an unknown outcome is done, not done, or torn, as was asked for", "[failing_journal]") {
  Opened opened;
  const auto fail = [&](JournalFault fault, std::int64_t head, std::size_t count) {
    opened.failing.fail_next(JournalOp::Append, fault);
    const auto failed = opened.append(head, count);
    REQUIRE(!failed);
    CHECK(failed.error().kind() == Kind::Unknown);
  };
  fail(JournalFault::UnknownNotDone, 0, 1);
  CHECK(opened.head() == 0);
  fail(JournalFault::UnknownDone, 0, 1);
  CHECK(opened.head() == 1);
  fail(JournalFault::Torn, 1, 4);
  CHECK(opened.head() == 3);
}

TEST_CASE("a late append lands behind the next operation", "[failing_journal]") {
  Opened opened;
  opened.failing.fail_next(JournalOp::Append, JournalFault::UnknownLate);
  const auto late = opened.append(0);
  REQUIRE(!late);
  CHECK(late.error().kind() == Kind::Unknown);
  CHECK(opened.head() == 0);
  CHECK(opened.head() == 1);
}

TEST_CASE("a late append that was fenced meanwhile does not land", "[failing_journal]") {
  Opened opened;
  opened.failing.fail_next(JournalOp::Append, JournalFault::UnknownLate);
  REQUIRE(!opened.append(0));
  const auto again = opened.test.run(opened.journal->reopen(opened.token));
  REQUIRE(again);
  CHECK(again->head == 0);
  CHECK(opened.head() == 0);
  CHECK(opened.head() == 0);
}

TEST_CASE("a delayed operation takes its time", "[failing_journal]") {
  Opened opened;
  opened.failing.delay(JournalOp::Append, 2s);
  const Duration begin = opened.test.now();
  CHECK(opened.append(0));
  CHECK(opened.test.now() - begin == 2s);
  opened.failing.heal();
  CHECK(opened.append(1));
  CHECK(opened.test.now() - begin == 2s);
}

TEST_CASE("a held operation waits until it is released", "[failing_journal]") {
  Opened opened;
  opened.failing.hold(JournalOp::Append);
  std::optional<JournalResult<std::int64_t>> result;
  const auto write = [&]() -> Task<void> {
    auto written = co_await opened.journal->append(opened.token, 0, AppendId{1, 1}, events(1));
    result.emplace(std::move(written));
  };
  REQUIRE(opened.test.system().spawn(write()));
  opened.test.advance(1h);
  CHECK(opened.failing.held() == 1);
  CHECK(!result);
  CHECK(opened.head() == 0);
  opened.failing.release();
  opened.test.run_until_idle();
  REQUIRE(result);
  CHECK(*result);
  CHECK(opened.failing.held() == 0);
  CHECK(opened.append(1));
}

TEST_CASE("a held operation whose system shuts down is not done", "[failing_journal]") {
  std::optional<JournalResult<std::int64_t>> result;
  Opened opened;
  opened.failing.hold(JournalOp::Append);
  const auto write = [&]() -> Task<void> {
    auto written = co_await opened.journal->append(opened.token, 0, AppendId{1, 1}, events(1));
    result.emplace(std::move(written));
  };
  REQUIRE(opened.test.system().spawn(write()));
  opened.test.run_until_idle();
  opened.test.shutdown();
  REQUIRE(result);
  REQUIRE(!*result);
  CHECK(result->error().kind() == Kind::Unavailable);
}

TEST_CASE("rates that cannot be are refused", "[failing_journal]") {
  FailingJournal failing{InMemoryStorageProvider()};
  CHECK_THROWS_AS(failing.fail_at_random({.unavailable = 600'000, .torn = 600'000}, 1),
                  std::invalid_argument);
  CHECK_THROWS_AS(failing.fail_at_random({.max_delay = 0s}, 1), std::invalid_argument);
}

TEST_CASE("under random faults the promises of journals are still kept", "[failing_journal]") {
  // The cases that have a failure only by chance; the others want no errors at all.
  const auto shared =
      std::make_shared<FailingStores>(testkit::JournalFaultRates{.unavailable = 30'000,
                                                                 .unknown_done = 30'000,
                                                                 .unknown_not_done = 30'000,
                                                                 .unknown_late = 30'000,
                                                                 .delayed = 100'000});
  const auto report = testkit::conformance::run_journal(
      [shared](const std::string& name) { return (*shared)(name); },
      {.seeds = 100, .simulated = true, .only_random = true});
  INFO(report.text);
  CHECK(report.passed);
  CHECK(shared->faults() > 1000);
}

TEST_CASE("torn batches under random faults are found", "[failing_journal]") {
  FailingStores stores({.torn = 30'000});
  const auto report = testkit::conformance::run_journal(
      stores, {.seeds = 100, .simulated = true, .only_random = true});
  INFO(report.text);
  CHECK(!report.passed);
}
