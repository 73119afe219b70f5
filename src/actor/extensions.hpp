/// \file
/// The extensions of a system.

#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <mutex>

#include <coerce/actor/extension.hpp>
#include <coerce/runtime/detail/async_event.hpp>

#include "actor/live_shard.hpp"

namespace coerce::detail {

/// One of them, with the actors that it has spawned.
struct ExtensionSlot {
  LiveShard actors;
  bool closed = false;  ///< takes no more actors; under the lock of `actors`
  AsyncEvent actors_ended;

  std::shared_ptr<SystemExtension> extension;
  std::atomic<const void*> key{nullptr};  ///< of its type; null unless it has started

  // Of the shutdown.
  std::atomic<bool> accepting_ends{false};  ///< stop_accepting() has been called
  AsyncEvent accepts_no_more;
  std::atomic<bool> stopping{false};  ///< stop() has been called
  AsyncEvent stopped;
  std::atomic<bool> failed{false};  ///< a hook threw
};

/// Grows only, so that finding one takes no lock.
class Extensions {
 public:
  static constexpr std::size_t kMost = 32;

  /// Starts an extension; throws what its started() throws.
  std::optional<ActorRefErr> add(const ActorSystem& system, const void* key,
                                 std::shared_ptr<SystemExtension> extension);
  SystemExtension* find(const void* key) const noexcept {
    for (std::size_t i = 0, n = count_.load(std::memory_order_acquire); i < n; ++i)
      if (slots_[i].key.load(std::memory_order_acquire) == key) return slots_[i].extension.get();
    return nullptr;
  }

  std::size_t size() const noexcept { return count_.load(std::memory_order_acquire); }
  /// \pre i < size()
  ExtensionSlot& operator[](std::size_t i) noexcept { return slots_[i]; }

  /// Has a hook of the shutdown thrown?
  bool any_failed() const noexcept {
    return std::ranges::any_of(slots_,
                               [](const ExtensionSlot& slot) { return slot.failed.load(); });
  }

  /// From now on none is added; one that is just starting is refused.
  void close() noexcept;
  /// Refuses new actors of this extension and asks those that it has to stop.
  void stop_actors(std::size_t i) noexcept;
  /// Destroys them in reverse order, when all have stopped.
  void destroy() noexcept;

 private:
  std::mutex mutex_;
  bool closed_ = false;
  std::atomic<std::size_t> count_{0};
  std::array<ExtensionSlot, kMost> slots_;
};

}  // namespace coerce::detail
