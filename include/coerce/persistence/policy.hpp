/// \file
/// What a persistent actor does when its journal fails.

#pragma once

#include <algorithm>
#include <cstdint>

#include <coerce/runtime/clock.hpp>

namespace coerce {

/// Whether to try again, and when. Only what may pass is tried again: a store that cannot be
/// reached, never an event that cannot be decoded or a journal that another owner has opened.
/// Between two tries lies one millisecond at least.
class Retry {
 public:
  static constexpr Duration kDefaultDelay = std::chrono::milliseconds(500);
  static constexpr Duration kDefaultMost = std::chrono::seconds(30);

  /// Again and again, until it works or the actor is stopped.
  static constexpr Retry until_success(Duration delay = {}) noexcept { return Retry(0, delay); }
  /// `attempts` tries in all, the first one included; then the actor stops, with the error.
  static constexpr Retry max_attempts(std::uint32_t attempts, Duration delay = {}) noexcept {
    return Retry(std::max(attempts, 1u), delay);
  }
  /// The delay doubles from try to try, up to `most`.
  constexpr Retry backoff(Duration most = kDefaultMost) const noexcept {
    Retry result = *this;
    result.most_ = std::max(most, delay_);
    return result;
  }

  /// May it be tried again after so many failures? \pre failures > 0
  constexpr bool allows(std::uint32_t failures) const noexcept {
    return attempts_ == 0 || failures < attempts_;
  }
  /// How long to wait after so many failures. \pre failures > 0
  constexpr Duration delay(std::uint32_t failures) const noexcept {
    Duration delay = delay_;
    for (std::uint32_t i = 1; i < failures && delay < most_; ++i)
      delay = std::min(2 * delay, most_);
    return std::max<Duration>(delay, std::chrono::milliseconds(1));
  }

 private:
  constexpr Retry(std::uint32_t attempts, Duration delay) noexcept
      : attempts_(attempts), delay_(delay), most_(delay) {}

  std::uint32_t attempts_;  ///< 0: no limit
  Duration delay_;
  Duration most_;
};

enum class FailureAction : std::uint8_t {
  Retry,
  ReturnErr,  ///< the handler gets the error and the actor goes on
  StopActor,  ///< the actor stops after the handler, which gets the error
  Fail,       ///< thrown out of the handler or hook: a failure for supervision
};

/// What becomes of an event that could not be written. Conflict, Fenced and Unknown are never a
/// matter of policy: the actor stops.
class PersistFailurePolicy {
 public:
  static constexpr PersistFailurePolicy retry(Retry retry) noexcept {
    return {FailureAction::Retry, retry};
  }
  static constexpr PersistFailurePolicy return_err() noexcept {
    return {FailureAction::ReturnErr, Retry::max_attempts(1)};
  }
  static constexpr PersistFailurePolicy stop_actor() noexcept {
    return {FailureAction::StopActor, Retry::max_attempts(1)};
  }
  static constexpr PersistFailurePolicy fail() noexcept {
    return {FailureAction::Fail, Retry::max_attempts(1)};
  }
  /// retry(until_success(500 ms), doubling up to 30 s)
  constexpr PersistFailurePolicy() noexcept
      : PersistFailurePolicy(FailureAction::Retry,
                             Retry::until_success(Retry::kDefaultDelay).backoff()) {}

  constexpr FailureAction action() const noexcept { return action_; }
  /// One try for every action but Retry.
  constexpr const Retry& retries() const noexcept { return retry_; }

 private:
  constexpr PersistFailurePolicy(FailureAction action, Retry retry) noexcept
      : action_(action), retry_(retry) {}

  FailureAction action_;
  Retry retry_;
};

/// What becomes of an actor whose state could not be recovered.
class RecoveryFailurePolicy {
 public:
  static constexpr RecoveryFailurePolicy retry(Retry retry) noexcept {
    return {FailureAction::Retry, retry};
  }
  static constexpr RecoveryFailurePolicy stop_actor() noexcept {
    return {FailureAction::StopActor, Retry::max_attempts(1)};
  }
  static constexpr RecoveryFailurePolicy fail() noexcept {
    return {FailureAction::Fail, Retry::max_attempts(1)};
  }
  /// retry(until_success(500 ms), doubling up to 30 s)
  constexpr RecoveryFailurePolicy() noexcept
      : RecoveryFailurePolicy(FailureAction::Retry,
                              Retry::until_success(Retry::kDefaultDelay).backoff()) {}

  constexpr FailureAction action() const noexcept { return action_; }
  constexpr const Retry& retries() const noexcept { return retry_; }

 private:
  constexpr RecoveryFailurePolicy(FailureAction action, Retry retry) noexcept
      : action_(action), retry_(retry) {}

  FailureAction action_;
  Retry retry_;
};

}  // namespace coerce
