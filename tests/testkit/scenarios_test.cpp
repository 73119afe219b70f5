#include "testkit/scenarios.hpp"

#include <coerce/testkit/catch2.hpp>

namespace coerce::test::scenario_cases {
namespace {

using namespace scenarios;

TEST_CASE("a stop after a drain never overtakes what was accepted before", "[scenario]") {
  CHECK_EXPLORED(&drain_handles_what_was_accepted);
}

TEST_CASE("messages survive restarts, in order", "[scenario]") {
  CHECK_EXPLORED(&restarts_lose_no_message);
}

TEST_CASE("a stop loses no message silently", "[scenario]") {
  CHECK_EXPLORED(&stop_loses_no_message_silently);
}

TEST_CASE("a send ends exactly once, whatever races", "[scenario]") {
  CHECK_EXPLORED(&sends_end_exactly_once);
}

TEST_CASE("bounded mailboxes count right under every overflow", "[scenario]") {
  CHECK_EXPLORED(&bounded_mailboxes_count_right);
}

TEST_CASE("the losers of when_any leave nothing behind", "[scenario]") {
  CHECK_EXPLORED(&losers_of_when_any_leave_nothing_behind);
}

TEST_CASE("watchers are told exactly once, on every kind of end", "[scenario]") {
  CHECK_EXPLORED(&watchers_are_told_exactly_once);
}

TEST_CASE("children stop before their parent, whatever ends it", "[scenario]") {
  CHECK_EXPLORED(&children_stop_before_their_parent);
}

TEST_CASE("an anonymous actor ends after its last reference and its messages", "[scenario]") {
  CHECK_EXPLORED(&anonymous_actors_end_after_their_messages);
}

TEST_CASE("a shutdown in the middle settles everything", "[scenario]") {
  CHECK_EXPLORED(&shutdown_settles_everything);
}

TEST_CASE("every scenario is in the list that other programs run", "[scenario]") {
  CHECK(kAll.size() == 10);
}

}  // namespace
}  // namespace coerce::test::scenario_cases
