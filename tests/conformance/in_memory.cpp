#include <coerce/coordination/in_memory.hpp>
#include <coerce/persistence/in_memory.hpp>

#include <catch2/catch.hpp>

#include <map>

#include "conformance/seeds.hpp"

namespace {

using namespace coerce;
namespace conformance = coerce::testkit::conformance;

/// Stores that last as long as the test.
class NamedJournals {
 public:
  InMemoryStorageProvider operator()(const std::string& name) { return stores_[name]; }

 private:
  std::map<std::string, InMemoryStorageProvider> stores_;
};

class NamedLeases {
 public:
  std::shared_ptr<LeaseStore> operator()(const std::string& name) {
    std::shared_ptr<LeaseStore>& store = stores_[name];
    if (store == nullptr) store = std::make_shared<InMemoryLeaseStore>();
    return store;
  }

 private:
  std::map<std::string, std::shared_ptr<LeaseStore>> stores_;
};

}  // namespace

TEST_CASE("journals in memory keep the promises of journals, in virtual time",
          "[conformance][B-225]") {
  const auto report = conformance::run_journal(
      NamedJournals(), {.seeds = test::conformance_seeds(), .simulated = true});
  INFO(report.text);
  CHECK(report.passed);
}

TEST_CASE("journals in memory keep the promises of journals, on threads", "[conformance][B-225]") {
  const auto report =
      conformance::run_journal(NamedJournals(), {.seeds = test::conformance_seeds()});
  INFO(report.text);
  CHECK(report.passed);
}

TEST_CASE("a factory without names is tried too, but for restarts", "[conformance][B-225]") {
  const auto fresh = [] { return InMemoryStorageProvider(); };
  const auto report = conformance::run_journal(fresh, {.seeds = 3, .simulated = true});
  INFO(report.text);
  CHECK(report.passed);
}

TEST_CASE("leases in memory keep the promises of leases, in virtual time", "[conformance][B-225]") {
  const auto report = conformance::run_leases(
      NamedLeases(), {.seeds = test::conformance_seeds(), .simulated = true});
  INFO(report.text);
  CHECK(report.passed);
}

TEST_CASE("leases in memory keep the promises of leases, on threads", "[conformance][B-225]") {
  const auto report = conformance::run_leases(NamedLeases(), {.seeds = test::conformance_seeds()});
  INFO(report.text);
  CHECK(report.passed);
}
