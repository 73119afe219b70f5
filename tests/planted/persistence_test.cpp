// The same for persistence, over journals in memory that are slow and lose answers.

#include "planted/planted.hpp"

#include <catch2/catch.hpp>

#include "persistence/scenarios.hpp"

namespace {

using coerce::detail::Bug;
using coerce::test::found_within;
using coerce::test::Planted;
using coerce::test::persistence_scenarios::kAll;

}  // namespace

TEST_CASE("a recovery that reads before it has opened is found", "[planted][persistence]") {
  const Planted bug(Bug::RecoveryBeforeOpen);
  const std::string found = found_within(kAll, 200);
  INFO(found);
  CHECK(found.find("owners_that_overlap") != std::string::npos);
}

TEST_CASE("a deletion that is not fenced is found", "[planted][persistence]") {
  const Planted bug(Bug::DeletionNotFenced);
  const std::string found = found_within(kAll, 200);
  INFO(found);
  CHECK(found.find("former_owners_change_nothing") != std::string::npos);
}

TEST_CASE("a write that is done again after Unknown is found", "[planted][persistence]") {
  const Planted bug(Bug::RetryAfterUnknown);
  const std::string found = found_within(kAll, 200);
  INFO(found);
  CHECK(found.find("deposits_under_faults") != std::string::npos);
}

TEST_CASE("without a planted error no scenario of persistence fails", "[planted][persistence]") {
  CHECK(found_within(kAll, 200) == "");
}
