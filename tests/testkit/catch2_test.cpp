#include <coerce/testkit/catch2.hpp>

namespace coerce::test::catch2_cases {
namespace {

TEST_CASE("Catch2 shows ids, errors and results", "[catch2]") {
  CHECK(Catch::Detail::stringify(ActorId("leon")) == "leon");
  const ActorRefErr error = ActorRefErr::InvalidRef();
  CHECK(Catch::Detail::stringify(error) == error.to_string());
  CHECK(Catch::Detail::stringify(Result<int>(7)) == "7");
  CHECK(Catch::Detail::stringify(Result<void>()) == "ok");
  CHECK(Catch::Detail::stringify(Result<int>(unexpected(error))) == "error: " + error.to_string());
}

}  // namespace
}  // namespace coerce::test::catch2_cases
