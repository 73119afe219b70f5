#include <coerce/coordination/redis.hpp>
#include <coerce/persistence/redis.hpp>

#include <catch2/catch.hpp>

#include "conformance/seeds.hpp"
#include "support/redis_server.hpp"

namespace {

using namespace coerce;
namespace conformance = coerce::testkit::conformance;

/// Fewer than others try: here each write waits for the disk.
std::size_t seeds() { return test::conformance_seeds(10); }

RedisOptions options_of(const std::string& name) { return RedisOptions().prefix(name + ":"); }

}  // namespace

TEST_CASE("journals on Redis keep the promises of journals", "[conformance][B-225][redis]") {
  const test::RedisServer server;
  const auto connect = [&](const std::string& name) {
    return RedisStorageProvider::connect(server.unix_uri(), options_of(name));
  };
  const auto report = conformance::run_journal(connect, {.seeds = seeds()});
  INFO(report.text);
  CHECK(report.passed);
}

TEST_CASE("journals on Redis keep the promises of journals, in a drawn order",
          "[conformance][B-225][redis]") {
  const test::RedisServer server;
  const auto connect = [&](const std::string& name) {
    return RedisStorageProvider::connect(server.unix_uri(), options_of(name));
  };
  const auto report = conformance::run_journal(connect, {.seeds = seeds(), .simulated = true});
  INFO(report.text);
  CHECK(report.passed);
}

TEST_CASE("leases on Redis keep the promises of leases", "[conformance][B-225][redis]") {
  const test::RedisServer server;
  const auto connect = [&](const std::string& name) {
    return RedisLeaseStore::connect(server.unix_uri(), options_of(name));
  };
  const auto report = conformance::run_leases(connect, {.seeds = seeds()});
  INFO(report.text);
  CHECK(report.passed);
}
