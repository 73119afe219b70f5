#include <coerce/persistence/event_batch.hpp>

#include <fmt/format.h>

namespace coerce {

EventBatch& EventBatch::tag(std::string_view tag) & {
  if (!entries_.empty()) entries_.back().tags.emplace_back(tag);
  return *this;
}

void EventBatch::add(const void* type, std::string_view cpp_name, Result<Bytes> encoded) {
  using Kind = PersistErr::Kind;
  if (error_) return;
  if (!types_->current(type)) {
    error_.emplace(Kind::Serialisation,
                   fmt::format("{} is not registered with this actor", cpp_name));
    return;
  }
  if (!encoded) {
    error_.emplace(Kind::Serialisation, encoded.error().to_string());
    return;
  }
  JournalEntry& entry = entries_.emplace_back();
  entry.payload_type = types_->identifier_of(type);
  entry.bytes = std::move(*encoded);
}

}  // namespace coerce
