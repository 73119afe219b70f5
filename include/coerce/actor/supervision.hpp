/// \file
/// What happens to an actor whose handler throws.

#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include <coerce/runtime/clock.hpp>
#include <coerce/runtime/detail/guard.hpp>

namespace coerce {

enum class Directive : std::uint8_t {
  Resume,    ///< the actor goes on with the next message, its state as the handler left it
  Restart,   ///< a new instance from the actor's factory takes its place, behind the same reference
  Stop,      ///< the actor stops with reason Failed
  Escalate,  ///< the actor stops, and its parent fails in turn; at the top the system shuts down
};

enum class SupervisionScope : std::uint8_t {
  OneForOne,  ///< only the actor that failed
  AllForOne,  ///< a restart or stop befalls all children of its parent
};

/// How long a restart waits: `min` before the first, twice as long before each that follows within
/// the strategy's window, at most `max`; each time up to the share `jitter` longer or shorter.
struct BackoffOptions {
  Duration min{};
  Duration max = std::chrono::seconds(30);
  double jitter = 0.2;
};
static_assert(std::is_trivially_destructible_v<BackoffOptions>);

/// Decides what becomes of an actor that failed. A value; copies share the decider.
///
/// Failures while an actor starts or stops are not put to it: the actor stops. Without a factory
/// there is no restart, but a stop; nor is there one beyond max_restarts() within the window.
/// Setters throw std::invalid_argument that names the option.
class SupervisorStrategy {
 public:
  static SupervisorStrategy resume() { return SupervisorStrategy(Directive::Resume); }
  static SupervisorStrategy restart() { return SupervisorStrategy(Directive::Restart); }
  static SupervisorStrategy stop() { return SupervisorStrategy(Directive::Stop); }
  static SupervisorStrategy escalate() { return SupervisorStrategy(Directive::Escalate); }
  /// Asks `decider(std::exception_ptr) -> Directive` each time, on a worker. If it throws, the
  /// actor stops.
  template <class F>
    requires std::is_invocable_r_v<Directive, const std::remove_cvref_t<F>&, std::exception_ptr>
  static SupervisorStrategy decide(F&& decider) {
    detail::refuse_awaited_temporary<F>();
    SupervisorStrategy strategy(Directive::Stop);
    strategy.decider_ = std::make_shared<const Decider>(std::forward<F>(decider));
    return strategy;
  }

  /// Default OneForOne.
  SupervisorStrategy& scope(SupervisionScope scope) & noexcept;
  /// Default 10; more within the window stop the actor.
  SupervisorStrategy& max_restarts(unsigned count) & noexcept;
  /// Default a minute. The window begins with its first restart.
  SupervisorStrategy& within(Duration window) &;
  /// Default: restarts do not wait.
  SupervisorStrategy& backoff(BackoffOptions options) &;

  SupervisorStrategy&& scope(SupervisionScope s) && noexcept { return std::move(scope(s)); }
  SupervisorStrategy&& max_restarts(unsigned n) && noexcept { return std::move(max_restarts(n)); }
  SupervisorStrategy&& within(Duration window) && { return std::move(within(window)); }
  SupervisorStrategy&& backoff(BackoffOptions options) && { return std::move(backoff(options)); }

  Directive directive(const std::exception_ptr& error) const noexcept;
  SupervisionScope scope() const noexcept { return scope_; }
  unsigned max_restarts() const noexcept { return max_restarts_; }
  Duration within() const noexcept { return within_; }
  const BackoffOptions& backoff() const noexcept { return backoff_; }

 private:
  using Decider = std::function<Directive(std::exception_ptr)>;

  explicit SupervisorStrategy(Directive fixed) noexcept : fixed_(fixed) {}

  Directive fixed_;
  SupervisionScope scope_ = SupervisionScope::OneForOne;
  unsigned max_restarts_ = 10;
  Duration within_ = std::chrono::minutes(1);
  BackoffOptions backoff_;
  std::shared_ptr<const Decider> decider_;
};

}  // namespace coerce
