#include <coerce/persistence/journal_types.hpp>

#include <stdexcept>

#include <fmt/format.h>

#include <coerce/persistence/journal.hpp>

namespace coerce::detail {

void JournalTypeTable::add(std::string_view identifier, ApplyEntry apply) {
  constexpr std::size_t most = JournalLimits().max_type_bytes;
  if (identifier.empty() || identifier.size() > most)
    throw std::invalid_argument(fmt::format(
        "JournalTypes: an identifier has 1 to {} bytes, this one {}", most, identifier.size()));
  if (!entries_.emplace(identifier, std::move(apply)).second)
    throw std::invalid_argument(
        fmt::format("JournalTypes: the identifier '{}' is registered twice", identifier));
}

void JournalTypeTable::give_name(Names& names, const void* type, std::string_view identifier) {
  if (!names.emplace(type, identifier).second)
    throw std::invalid_argument(fmt::format(
        "JournalTypes: the type of '{}' is registered under another identifier too", identifier));
}

void JournalTypeTable::name_event(const void* type, std::string_view identifier) {
  give_name(event_names_, type, identifier);
}
void JournalTypeTable::name_snapshot(const void* type, std::string_view identifier) {
  give_name(snapshot_names_, type, identifier);
}

const std::string* JournalTypeTable::name_in(const Names& names, const void* type) {
  const auto place = names.find(type);
  return place != names.end() ? &place->second : nullptr;
}

const ApplyEntry* JournalTypeTable::find(std::string_view identifier) const {
  const auto place = entries_.find(identifier);
  return place != entries_.end() ? &place->second : nullptr;
}

}  // namespace coerce::detail
