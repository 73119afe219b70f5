#include <coerce/persistence/journal_err.hpp>

#include <fmt/format.h>

namespace coerce {

std::string_view to_string(JournalErrKind kind) noexcept {
  switch (kind) {
    case JournalErrKind::Conflict:
      return "Conflict";
    case JournalErrKind::Fenced:
      return "Fenced";
    case JournalErrKind::Unavailable:
      return "Unavailable";
    case JournalErrKind::Unknown:
      return "Unknown";
    case JournalErrKind::Corrupt:
      return "Corrupt";
    case JournalErrKind::Limit:
      return "Limit";
  }
  return "?";
}

std::string JournalErr::to_string() const {
  const std::string_view kind = coerce::to_string(kind_);
  return detail_.empty() ? std::string(kind) : fmt::format("{}: {}", kind, detail_);
}

}  // namespace coerce
