/// \file
/// Events that are written together.

#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <coerce/codec/type_table.hpp>
#include <coerce/persistence/journal.hpp>
#include <coerce/persistence/persist_err.hpp>

namespace coerce {

/// Events that are written all or not at all, in this order. They are encoded when they are added;
/// what cannot be encoded is the error of persist_batch(), which then writes nothing. Made by
/// PersistentActor::event_batch().
class EventBatch {
 public:
  explicit EventBatch(const detail::TypeNames* types) noexcept : types_(types) {}

  /// Adds an event. The types are those of the actor's configure().
  template <class M>
  EventBatch& message(const M& event) & {
    detail::demand_codec<M>();
    add(&detail::kTypeKey<M>, type_name_of<M>(), encode_message(event));
    return *this;
  }
  template <class M>
  EventBatch&& message(const M& event) && {
    return std::move(message(event));
  }
  /// Tags the event that was added last, for readers of the tag. Without one it is ignored.
  EventBatch& tag(std::string_view tag) &;
  EventBatch&& tag(std::string_view name) && { return std::move(tag(name)); }

  const std::vector<JournalEntry>& entries() const noexcept { return entries_; }
  std::size_t size() const noexcept { return entries_.size(); }
  bool empty() const noexcept { return entries_.empty(); }

  /// The first event that could not be added.
  const std::optional<PersistErr>& error() const noexcept { return error_; }
  std::vector<JournalEntry> take() && { return std::move(entries_); }

 private:
  void add(const void* type, std::string_view cpp_name, Result<Bytes> encoded);

  const detail::TypeNames* types_;
  std::vector<JournalEntry> entries_;
  std::optional<PersistErr> error_;
};

}  // namespace coerce
