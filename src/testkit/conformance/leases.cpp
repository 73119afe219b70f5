#include <coerce/testkit/conformance.hpp>

#include <iterator>

#include "testkit/conformance/lease_trial.hpp"

namespace coerce::testkit::conformance {

ConformanceReport run_leases(const detail::LeaseStores& stores, const ConformanceOptions& options) {
  std::vector<detail::Case> cases;
  for (auto* part : {&detail::lease_cases, &detail::lease_expiry_cases,
                     &detail::lease_restart_cases, &detail::lease_race_cases}) {
    auto more = part(stores);
    std::move(more.begin(), more.end(), std::back_inserter(cases));
  }
  return detail::run_cases(cases, options);
}

}  // namespace coerce::testkit::conformance
