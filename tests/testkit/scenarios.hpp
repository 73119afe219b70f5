/// \file
/// What the library promises about actors, as scenarios to be run under many seeds. Each fails by
/// an exception. Other programs run them too, against builds of the library that break a promise.

#pragma once

#include <array>
#include <string_view>

#include "testkit/scenarios_of_ends.hpp"
#include "testkit/scenarios_of_messages.hpp"

namespace coerce::test::scenarios {

struct Named {
  std::string_view name;
  void (*run)(testkit::TestSystem&);
};

inline constexpr auto kAll = std::to_array<Named>({
    {"drain_handles_what_was_accepted", &drain_handles_what_was_accepted},
    {"restarts_lose_no_message", &restarts_lose_no_message},
    {"stop_loses_no_message_silently", &stop_loses_no_message_silently},
    {"sends_end_exactly_once", &sends_end_exactly_once},
    {"bounded_mailboxes_count_right", &bounded_mailboxes_count_right},
    {"losers_of_when_any_leave_nothing_behind", &losers_of_when_any_leave_nothing_behind},
    {"watchers_are_told_exactly_once", &watchers_are_told_exactly_once},
    {"children_stop_before_their_parent", &children_stop_before_their_parent},
    {"anonymous_actors_end_after_their_messages", &anonymous_actors_end_after_their_messages},
    {"shutdown_settles_everything", &shutdown_settles_everything},
});

}  // namespace coerce::test::scenarios
