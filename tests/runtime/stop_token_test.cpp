#include <coerce/runtime/stop_token.hpp>

#include <catch2/catch.hpp>
#include <optional>

namespace coerce::test::stop_token_cases {
namespace {

TEST_CASE("every copy of a token sees the stop that its source requests", "[stop_token]") {
  const StopSource source;
  const StopToken token = source.token();
  const StopToken copy = token;
  CHECK_FALSE(copy.stop_requested());
  CHECK(source.request_stop());
  CHECK(token.stop_requested());
  CHECK(copy.stop_requested());
}

TEST_CASE("a second request to stop changes nothing", "[stop_token]") {
  const StopSource source;
  const StopSource same = source;
  CHECK(source.request_stop());
  CHECK_FALSE(same.request_stop());
  CHECK(same.stop_requested());
}

TEST_CASE("a token outlives its source", "[stop_token]") {
  std::optional<StopSource> source(std::in_place);
  const StopToken token = source->token();
  source->request_stop();
  source.reset();
  CHECK(token.stop_requested());
}

TEST_CASE("a token without a source is never asked to stop", "[stop_token]") {
  const StopToken token;
  CHECK_FALSE(token.stop_possible());
  CHECK_FALSE(token.stop_requested());
}

}  // namespace
}  // namespace coerce::test::stop_token_cases
