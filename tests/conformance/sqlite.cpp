#include <coerce/coordination/sqlite.hpp>
#include <coerce/persistence/sqlite.hpp>

#include <catch2/catch.hpp>

#include "conformance/seeds.hpp"
#include "persistence/temporary_directory.hpp"

namespace {

using namespace coerce;
namespace conformance = coerce::testkit::conformance;

/// Stores in files of one directory.
class Journals {
 public:
  explicit Journals(const test::TemporaryDirectory& directory) : directory_(&directory) {}
  JournalResult<SqliteStorageProvider> operator()(const std::string& name) const {
    // What these promises say does not depend on the disk, and nobody waits for it.
    return SqliteStorageProvider::open(directory_->file(name + ".journals"),
                                       {.durability = SqliteDurability::Relaxed});
  }

 private:
  const test::TemporaryDirectory* directory_;
};

class Leases {
 public:
  explicit Leases(const test::TemporaryDirectory& directory) : directory_(&directory) {}
  LeaseResult<std::shared_ptr<LeaseStore>> operator()(const std::string& name) const {
    return SqliteLeaseStore::open(directory_->file(name + ".leases"));
  }

 private:
  const test::TemporaryDirectory* directory_;
};

}  // namespace

TEST_CASE("journals in a SQLite file keep the promises of journals, in a drawn order",
          "[conformance][B-225][sqlite]") {
  const test::TemporaryDirectory directory;
  const auto report = conformance::run_journal(
      Journals(directory), {.seeds = test::conformance_seeds(), .simulated = true});
  INFO(report.text);
  CHECK(report.passed);
}

TEST_CASE("journals in a SQLite file keep the promises of journals, on threads",
          "[conformance][B-225][sqlite]") {
  const test::TemporaryDirectory directory;
  const auto report =
      conformance::run_journal(Journals(directory), {.seeds = test::conformance_seeds()});
  INFO(report.text);
  CHECK(report.passed);
}

TEST_CASE("leases in a SQLite file keep the promises of leases", "[conformance][B-225][sqlite]") {
  const test::TemporaryDirectory directory;
  const auto report =
      conformance::run_leases(Leases(directory), {.seeds = test::conformance_seeds()});
  INFO(report.text);
  CHECK(report.passed);
}
