#include <coerce/testkit/conformance.hpp>

#include <iterator>

#include "testkit/conformance/journal_trial.hpp"

namespace coerce::testkit::conformance {

ConformanceReport run_journal(const detail::JournalStores& stores,
                              const ConformanceOptions& options) {
  std::vector<detail::Case> cases;
  for (auto* part : {&detail::append_cases, &detail::ownership_cases, &detail::deletion_cases,
                     &detail::snapshot_cases, &detail::tag_cases, &detail::limit_cases,
                     &detail::restart_cases, &detail::random_cases, &detail::race_cases}) {
    auto more = part(stores);
    std::move(more.begin(), more.end(), std::back_inserter(cases));
  }
  return detail::run_cases(cases, options);
}

}  // namespace coerce::testkit::conformance
