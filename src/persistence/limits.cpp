#include "persistence/limits.hpp"

#include <fmt/format.h>

namespace coerce::detail {

namespace {

std::optional<JournalErr> check_size(std::string_view what, std::size_t size, std::size_t least,
                                     std::size_t most) {
  if (size >= least && size <= most) return std::nullopt;
  return JournalErr(JournalErr::Kind::Limit,
                    fmt::format("{} of {} bytes; {} to {} are allowed", what, size, least, most));
}

std::optional<JournalErr> check_entry(const JournalLimits& limits, const JournalEntry& entry,
                                      std::string_view what, std::size_t most_bytes) {
  if (auto bad = check_size("a payload type", entry.payload_type.size(), 1, limits.max_type_bytes))
    return bad;
  return check_size(what, entry.bytes.size(), 0, most_bytes);
}

std::optional<JournalErr> check_tags(const JournalLimits& limits,
                                     const std::vector<std::string>& tags) {
  if (tags.size() > limits.max_tags)
    return JournalErr(JournalErr::Kind::Limit, fmt::format("an event with {} tags; {} are allowed",
                                                           tags.size(), limits.max_tags));
  for (const std::string& tag : tags)
    if (auto bad = check_tag(limits, tag)) return bad;
  return std::nullopt;
}

}  // namespace

std::optional<JournalErr> check_id(const JournalLimits& limits, std::string_view persistence_id) {
  return check_size("a persistence id", persistence_id.size(), 1, limits.max_id_bytes);
}

std::optional<JournalErr> check_tag(const JournalLimits& limits, std::string_view tag) {
  return check_size("a tag", tag.size(), 1, limits.max_tag_bytes);
}

std::optional<JournalErr> check_events(const JournalLimits& limits,
                                       const std::vector<JournalEntry>& entries) {
  if (entries.size() > limits.max_batch_entries)
    return JournalErr(JournalErr::Kind::Limit,
                      fmt::format("a batch of {} events; {} are allowed", entries.size(),
                                  limits.max_batch_entries));
  std::size_t bytes = 0;
  for (const JournalEntry& entry : entries) {
    if (auto bad = check_entry(limits, entry, "an event", limits.max_entry_bytes)) return bad;
    if (auto bad = check_tags(limits, entry.tags)) return bad;
    bytes += entry.bytes.size();
  }
  return check_size("a batch", bytes, 0, limits.max_batch_bytes);
}

std::optional<JournalErr> check_snapshot(const JournalLimits& limits,
                                         const JournalEntry& snapshot) {
  return check_entry(limits, snapshot, "a snapshot", limits.max_snapshot_bytes);
}

}  // namespace coerce::detail
