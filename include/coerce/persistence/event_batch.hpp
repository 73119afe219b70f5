/// \file
/// Events that are written together.

#pragma once

#include <concepts>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <coerce/codec/type_table.hpp>
#include <coerce/persistence/journal.hpp>
#include <coerce/persistence/persist_err.hpp>
#include <coerce/runtime/detail/guard.hpp>

namespace coerce {

/// Events that are written all or not at all, in this order. They are encoded when they are added;
/// what cannot be encoded is the error of persist_batch(), which then writes nothing. Made by
/// PersistentActor::event_batch().
class EventBatch {
 public:
  explicit EventBatch(const detail::TypeNames* types) noexcept : types_(types) {}

  /// Adds an event. The types are those of the actor's configure().
  template <int = 0, class M>
  EventBatch& message(M&& event) & {
    detail::refuse_awaited_temporary<M>();
    using Plain = std::remove_cvref_t<M>;
    detail::demand_codec<Plain>();
    add(&detail::kTypeKey<Plain>, type_name_of<Plain>(),
        encode_message(static_cast<const Plain&>(event)));
    return *this;
  }
  template <int = 0, class M>
  EventBatch&& message(M&& event) && {
    return std::move(message(std::forward<M>(event)));
  }
  /// The same, built in place.
  template <class M, class... Args>
    requires std::constructible_from<M, Args...>
  EventBatch& message(Args&&... args) & {
    detail::refuse_awaited_temporary<Args...>();
    const M event(std::forward<Args>(args)...);
    return message(event);
  }
  template <class M, class... Args>
    requires std::constructible_from<M, Args...>
  EventBatch&& message(Args&&... args) && {
    return std::move(message<M>(std::forward<Args>(args)...));
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
