#include <coerce/coordination/lease_store.hpp>

#include <fmt/format.h>

namespace coerce {

std::string_view to_string(LeaseErrKind kind) noexcept {
  switch (kind) {
    case LeaseErrKind::Unavailable:
      return "Unavailable";
    case LeaseErrKind::Corrupt:
      return "Corrupt";
    case LeaseErrKind::Limit:
      return "Limit";
  }
  return "?";
}

std::string LeaseErr::to_string() const {
  const std::string_view kind = coerce::to_string(kind_);
  return detail_.empty() ? std::string(kind) : fmt::format("{}: {}", kind, detail_);
}

}  // namespace coerce
