#include <coerce/persistence/event_batch.hpp>

#include <fmt/format.h>

namespace coerce {

EventBatch& EventBatch::tag(std::string_view tag) & {
  if (!entries_.empty()) entries_.back().tags.emplace_back(tag);
  return *this;
}

const std::string* EventBatch::event_name(const void* type, std::string_view cpp_name) {
  const std::string* name = types_ != nullptr ? types_->event_name(type) : nullptr;
  if (name == nullptr && !error_)
    error_.emplace(PersistErr::Kind::Serialisation,
                   fmt::format("{} is not registered as an event of this actor", cpp_name));
  return name;
}

void EventBatch::add(JournalEntry entry, const Result<void>& encoded) {
  if (!encoded && !error_)
    error_.emplace(PersistErr::Kind::Serialisation, encoded.error().to_string());
  if (!error_) entries_.push_back(std::move(entry));
}

}  // namespace coerce
