/// \file
/// What every journal refuses before it looks at anything else.

#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <coerce/persistence/journal.hpp>

namespace coerce::detail {

std::optional<JournalErr> check_id(const JournalLimits& limits, std::string_view persistence_id);
std::optional<JournalErr> check_events(const JournalLimits& limits,
                                       const std::vector<JournalEntry>& entries);
std::optional<JournalErr> check_snapshot(const JournalLimits& limits, const JournalEntry& snapshot);
std::optional<JournalErr> check_tag(const JournalLimits& limits, std::string_view tag);

}  // namespace coerce::detail
