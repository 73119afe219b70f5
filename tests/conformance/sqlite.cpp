#include <coerce/coordination/sqlite.hpp>
#include <coerce/persistence/sqlite.hpp>

#include <catch2/catch.hpp>

#include "conformance/seeds.hpp"
#include "persistence/temporary_directory.hpp"

namespace {

using namespace coerce;
namespace conformance = coerce::testkit::conformance;

}  // namespace

TEST_CASE("journals in SQLite keep the promises of journals", "[conformance][sqlite]") {
  const test::TemporaryDirectory directory;
  const auto open = [&](const std::string& name) {
    return SqliteStorageProvider::open(directory.file(name + ".db"));
  };
  const auto report = conformance::run_journal(open, {.seeds = test::conformance_seeds(15)});
  INFO(report.text);
  CHECK(report.passed);
}

TEST_CASE("journals in SQLite keep the promises of journals, in a drawn order",
          "[conformance][sqlite]") {
  const test::TemporaryDirectory directory;
  const auto open = [&](const std::string& name) {
    return SqliteStorageProvider::open(directory.file(name + ".db"),
                                       {.durability = SqliteDurability::Relaxed});
  };
  const auto report =
      conformance::run_journal(open, {.seeds = test::conformance_seeds(), .simulated = true});
  INFO(report.text);
  CHECK(report.passed);
}

TEST_CASE("leases in SQLite keep the promises of leases", "[conformance][sqlite]") {
  const test::TemporaryDirectory directory;
  const auto open = [&](const std::string& name) {
    return SqliteLeaseStore::open(directory.file(name + ".db"));
  };
  const auto report = conformance::run_leases(open, {.seeds = test::conformance_seeds(15)});
  INFO(report.text);
  CHECK(report.passed);
}
