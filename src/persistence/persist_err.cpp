#include <coerce/persistence/persist_err.hpp>

#include <fmt/format.h>

namespace coerce {

namespace {
std::string line(std::string_view kind, const std::string& detail) {
  return detail.empty() ? std::string(kind) : fmt::format("{}: {}", kind, detail);
}
}  // namespace

std::string_view to_string(PersistErrKind kind) noexcept {
  switch (kind) {
    case PersistErrKind::Storage:
      return "Storage";
    case PersistErrKind::Serialisation:
      return "Serialisation";
    case PersistErrKind::Conflict:
      return "Conflict";
    case PersistErrKind::Fenced:
      return "Fenced";
    case PersistErrKind::Unknown:
      return "Unknown";
    case PersistErrKind::ActorStopping:
      return "ActorStopping";
    case PersistErrKind::NotConfigured:
      return "NotConfigured";
  }
  return "?";
}

std::string PersistErr::to_string() const { return line(coerce::to_string(kind_), detail_); }

std::string_view to_string(RecoveryErrKind kind) noexcept {
  switch (kind) {
    case RecoveryErrKind::Journal:
      return "Journal";
    case RecoveryErrKind::UnknownType:
      return "UnknownType";
    case RecoveryErrKind::Deserialisation:
      return "Deserialisation";
    case RecoveryErrKind::Gap:
      return "Gap";
    case RecoveryErrKind::Rejected:
      return "Rejected";
    case RecoveryErrKind::NotConfigured:
      return "NotConfigured";
    case RecoveryErrKind::ActorStopping:
      return "ActorStopping";
  }
  return "?";
}

bool RecoveryErr::may_pass() const noexcept {
  return journal_ && (journal_->kind() == JournalErr::Kind::Unavailable ||
                      journal_->kind() == JournalErr::Kind::Unknown);
}

std::string RecoveryErr::to_string() const { return line(coerce::to_string(kind_), detail_); }

}  // namespace coerce
