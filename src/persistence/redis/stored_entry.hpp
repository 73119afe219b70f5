/// \file
/// Events and snapshots as the bytes that Redis keeps.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <coerce/persistence/journal.hpp>

namespace coerce::detail::redis {

/// A byte 1 for this layout; the payload type; the count of tags in one byte, and the tags; the
/// payload, to the end. Texts have their length in front, in two bytes, the lower one first. The
/// sequence is not in it: it is the entry's name.
/// \pre the entry is within limits that fit the layout (see fits_layout())
std::string to_stored(const JournalEntry& entry);

/// nullopt: it is not of this layout.
std::optional<JournalEntry> from_stored(std::string_view stored, std::int64_t sequence);

/// Can everything that these limits allow be stored?
bool fits_layout(const JournalLimits& limits) noexcept;

}  // namespace coerce::detail::redis
