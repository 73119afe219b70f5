/// \file
/// How many actors may recover at the same time.

#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include <coerce/runtime/detail/async_event.hpp>

namespace coerce::detail {

/// Slots that are taken in order of arrival. Thread-safe.
class RecoverySlots {
 public:
  explicit RecoverySlots(std::size_t count) noexcept : free_(count) {}

  class [[nodiscard]] Slot {
   public:
    Slot() noexcept = default;
    explicit Slot(RecoverySlots& slots) noexcept : slots_(&slots) {}
    Slot(Slot&& other) noexcept : slots_(std::exchange(other.slots_, nullptr)) {}
    Slot& operator=(Slot&& other) noexcept {
      Slot(std::move(other)).swap(*this);
      return *this;
    }
    void swap(Slot& other) noexcept { std::swap(slots_, other.slots_); }
    ~Slot() {
      if (slots_ != nullptr) slots_->give_back();
    }
    explicit operator bool() const noexcept { return slots_ != nullptr; }

   private:
    RecoverySlots* slots_ = nullptr;
  };

  /// An empty one: whoever waits was asked to stop.
  Task<Slot> take();

 private:
  void give_back();
  void pass_on();  ///< under the lock

  std::mutex mutex_;
  std::size_t free_;
  std::deque<std::shared_ptr<AsyncEvent>> waiting_;
};

}  // namespace coerce::detail
