/// \file
/// How work learns that it is asked to stop.

#pragma once

#include <atomic>
#include <memory>
#include <utility>

namespace coerce {

/// Asked by work whether it is to stop: between the pieces of a long calculation, or inside a
/// blocking() call. What a task awaits need not ask: it ends by itself, a send with
/// Cancelled, a sleep with false.
///
/// Copies share the answer, which never goes back to no. Thread-safe; may outlive whoever asks for
/// the stop. A default-constructed one is never asked to stop.
class StopToken {
 public:
  StopToken() noexcept = default;

  bool stop_requested() const noexcept {
    return requested_ != nullptr && requested_->load(std::memory_order_acquire);
  }
  /// False: nobody can ask for the stop.
  bool stop_possible() const noexcept { return requested_ != nullptr; }

 private:
  friend class StopSource;
  explicit StopToken(std::shared_ptr<const std::atomic<bool>> requested) noexcept
      : requested_(std::move(requested)) {}

  std::shared_ptr<const std::atomic<bool>> requested_;
};

/// Whoever may ask for the stop. Copies share the request. Thread-safe.
class StopSource {
 public:
  StopSource() : requested_(std::make_shared<std::atomic<bool>>(false)) {}

  StopToken token() const noexcept { return StopToken(requested_); }
  bool stop_requested() const noexcept { return requested_->load(std::memory_order_acquire); }
  /// What the caller wrote before is seen by whoever finds the stop requested. False: it had been
  /// requested before.
  bool request_stop() const noexcept {
    return !requested_->exchange(true, std::memory_order_acq_rel);
  }

 private:
  std::shared_ptr<std::atomic<bool>> requested_;
};

}  // namespace coerce
