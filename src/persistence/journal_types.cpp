#include <coerce/persistence/journal_types.hpp>

#include <stdexcept>

#include <fmt/format.h>

namespace coerce::detail {

void check_journal_identifier(std::string_view identifier) {
  constexpr std::size_t most = JournalLimits().max_type_bytes;
  if (identifier.empty() || identifier.size() > most)
    throw std::invalid_argument(
        fmt::format("JournalTypes: an identifier has 1 to {} bytes, this one {}: '{}'", most,
                    identifier.size(), identifier.substr(0, most)));
}

}  // namespace coerce::detail
