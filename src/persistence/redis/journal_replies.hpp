/// \file
/// What the scripts of journals answer.

#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coerce/persistence/journal.hpp>

#include "coordination/redis/client.hpp"

namespace coerce::detail::redis {

JournalErr unavailable(const Failure& failure);
/// Of a script that changes something: what is not certainly undone is unknown.
JournalErr error_of_write(const Failure& failure);
/// Of one that changes nothing: it can always be asked again.
JournalErr error_of_read(const Failure& failure);

/// A change was made, as it seems, but the answer cannot be read.
JournalErr unclear(std::string_view operation);
JournalErr unreadable(std::string_view what, std::string_view name);

/// nullopt: the script says ok.
std::optional<JournalErr> refusal(const Reply& reply);

/// The item of a list, as a number.
template <class T>
std::optional<T> number_at(const Reply& list, std::size_t place) {
  if (place >= list.items.size()) return std::nullopt;
  const Reply& item = list.items[place];
  if (item.type == ReplyType::Integer) return static_cast<T>(item.integer);
  const char* const end = item.text.data() + item.text.size();
  T value{};
  const auto [stop, error] = std::from_chars(item.text.data(), end, value);
  if (!item.is_text() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

JournalResult<OpenedJournal> read_opened(const Reply& reply, std::string id);

struct EventPage {
  std::int64_t begin = 0;  ///< the sequence of the first one
  bool more = false;
  std::vector<JournalEntry> entries{};
};
JournalResult<EventPage> read_page(const Reply& reply);

JournalResult<std::optional<JournalEntry>> read_snapshot(const Reply& reply);

struct TagPage {
  std::uint64_t next = 0;  ///< where to read on
  bool more = false;
  std::uint64_t last = 0;  ///< the last offset of the store
  std::vector<TaggedEntry> entries{};
};
/// Of what was asked from the offset `from` on.
JournalResult<TagPage> read_tag_page(const Reply& reply, std::uint64_t from);

}  // namespace coerce::detail::redis
