/// \file
/// Asio and the scheduler, in both directions. Opt-in: the only header of this module that includes
/// Asio.

#pragma once

#include <concepts>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>

#include <asio/associated_cancellation_slot.hpp>
#include <asio/async_result.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/error.hpp>
#include <asio/execution.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include <tl/expected.hpp>

#include <coerce/runtime/detail/asio_bridge.hpp>
#include <coerce/runtime/detail/spin_lock.hpp>
#include <coerce/runtime/scheduler.hpp>

namespace coerce {

namespace detail {

struct ExecutorBits {
  bool never_blocks = false;  ///< never run the function inside execute()
  bool tracked = false;       ///< counts as outstanding work
};

}  // namespace detail

/// The scheduler as an Asio executor: sockets, timers, asio::co_spawn and asio::post run on its
/// workers. Functions may run in parallel on several workers; use asio::make_strand for order.
/// Thread-safe; must not outlive the scheduler.
template <detail::ExecutorBits Bits = detail::ExecutorBits{}>
class SchedulerExecutor {
 public:
  explicit SchedulerExecutor(detail::SchedulerCore& core) noexcept : core_(&core) { begin(); }
  SchedulerExecutor(const SchedulerExecutor& other) noexcept : core_(other.core_) { begin(); }
  SchedulerExecutor& operator=(const SchedulerExecutor& other) noexcept {
    SchedulerExecutor copy(other);
    std::swap(core_, copy.core_);
    return *this;
  }
  ~SchedulerExecutor() {
    if constexpr (Bits.tracked) detail::io_work_finished(*core_);
  }

  asio::execution_context& query(asio::execution::context_t) const noexcept {
    return detail::io_context_of(*core_);
  }
  static constexpr auto query(asio::execution::mapping_t) noexcept {
    return asio::execution::mapping_t(asio::execution::mapping.thread);
  }
  static constexpr auto query(asio::execution::blocking_t) noexcept {
    return Bits.never_blocks ? asio::execution::blocking_t(asio::execution::blocking.never)
                             : asio::execution::blocking_t(asio::execution::blocking.possibly);
  }
  static constexpr auto query(asio::execution::outstanding_work_t) noexcept {
    return Bits.tracked
               ? asio::execution::outstanding_work_t(asio::execution::outstanding_work.tracked)
               : asio::execution::outstanding_work_t(asio::execution::outstanding_work.untracked);
  }

  auto require(asio::execution::blocking_t::never_t) const noexcept {
    return SchedulerExecutor<detail::ExecutorBits{true, Bits.tracked}>(*core_);
  }
  auto require(asio::execution::blocking_t::possibly_t) const noexcept {
    return SchedulerExecutor<detail::ExecutorBits{false, Bits.tracked}>(*core_);
  }
  auto require(asio::execution::outstanding_work_t::tracked_t) const noexcept {
    return SchedulerExecutor<detail::ExecutorBits{Bits.never_blocks, true}>(*core_);
  }
  auto require(asio::execution::outstanding_work_t::untracked_t) const noexcept {
    return SchedulerExecutor<detail::ExecutorBits{Bits.never_blocks, false}>(*core_);
  }

  /// An exception that leaves the function goes to the scheduler's unhandled-failure callback.
  template <class F>
  void execute(F&& function) const {
    using Function = std::decay_t<F>;
    if (!Bits.never_blocks && detail::may_run_here(*core_)) {
      try {
        Function local(std::forward<F>(function));
        local();
      } catch (...) {
        detail::report_unhandled(*core_, std::current_exception());
      }
      return;
    }
    detail::PostedFunction<Function>::post(*core_, std::forward<F>(function));
  }

  friend bool operator==(const SchedulerExecutor& a, const SchedulerExecutor& b) noexcept {
    return a.core_ == b.core_;
  }
  friend bool operator!=(const SchedulerExecutor& a, const SchedulerExecutor& b) noexcept {
    return a.core_ != b.core_;
  }

 private:
  void begin() const noexcept {
    if constexpr (Bits.tracked) detail::io_work_started(*core_);
  }

  detail::SchedulerCore* core_;
};

/// The scheduler's executor, for constructing I/O objects and for asio::co_spawn.
inline SchedulerExecutor<> executor_of(const Scheduler& scheduler) noexcept {
  return SchedulerExecutor<>(scheduler.core());
}

/// The completion token for use inside a Task: `co_await socket.async_read_some(buffer, use_task)`.
///
/// An operation that completes with an error code gives `tl::expected<T, std::error_code>`; one
/// that completes with an exception_ptr throws it; several values become a tuple. The operation
/// begins when it is awaited. Inside when_any and with_timeout it can be cancelled, if Asio can
/// cancel it.
struct use_task_t {
  constexpr use_task_t() noexcept = default;
};
inline constexpr use_task_t use_task{};

namespace detail {

/// What awaiting an operation gives, from the arguments of its completion handler.
template <class... Args>
struct AsioOutcome {
  using type = std::tuple<Args...>;
  static type make(std::tuple<Args...>&& args) { return std::move(args); }
};
template <>
struct AsioOutcome<> {
  using type = void;
  static void make(std::tuple<>&&) {}
};
template <class T>
  requires(!std::same_as<T, std::error_code> && !std::same_as<T, std::exception_ptr>)
struct AsioOutcome<T> {
  using type = T;
  static T make(std::tuple<T>&& args) { return std::get<0>(std::move(args)); }
};
template <class... T>
struct AsioOutcome<std::error_code, T...> {
  using Inner = AsioOutcome<T...>;
  using type = tl::expected<typename Inner::type, std::error_code>;
  static type make(std::tuple<std::error_code, T...>&& args) {
    if (const std::error_code error = std::get<0>(args)) return tl::make_unexpected(error);
    return std::apply(
        [](std::error_code&, auto&... rest) -> type {
          if constexpr (sizeof...(T) == 0)
            return {};
          else
            return Inner::make(std::tuple<T...>(std::move(rest)...));
        },
        args);
  }
};
template <class... T>
struct AsioOutcome<std::exception_ptr, T...> {
  using Inner = AsioOutcome<T...>;
  using type = typename Inner::type;
  static type make(std::tuple<std::exception_ptr, T...>&& args) {
    if (std::get<0>(args)) std::rethrow_exception(std::get<0>(args));
    return std::apply(
        [](std::exception_ptr&, auto&... rest) -> type {
          return Inner::make(std::tuple<T...>(std::move(rest)...));
        },
        args);
  }
};

/// Where a completion handler leaves its arguments; lies in the frame of the task.
template <class... Args>
struct AsioOperation : WakeNode {
  std::optional<std::tuple<Args...>> completed_with;
};

/// Asks Asio to give an operation up, unless that has completed: with the task that waits for it
/// its socket may go, which Asio would look at. Thread-safe.
class AsioCancellation {
 public:
  asio::cancellation_slot slot() noexcept { return signal_.slot(); }
  void completed() noexcept {
    const std::lock_guard guard(lock_);
    is_completed_ = true;
  }
  /// On the thread that runs the reactor. Asio calls no handler from here.
  void emit() {
    const std::lock_guard guard(lock_);
    if (!is_completed_) signal_.emit(asio::cancellation_type::terminal);
  }

 private:
  SpinLock lock_;
  bool is_completed_ = false;
  asio::cancellation_signal signal_;
};

/// Asio may destroy a handler without calling it, when its context goes: the task resumes then as
/// well.
template <class... Args>
class AsioHandler {
 public:
  using cancellation_slot_type = asio::cancellation_slot;

  AsioHandler(AsioOperation<Args...>& operation,
              std::shared_ptr<AsioCancellation> cancellation) noexcept
      : operation_(&operation), cancellation_(std::move(cancellation)) {}
  AsioHandler(AsioHandler&& other) noexcept
      : operation_(std::exchange(other.operation_, nullptr)),
        cancellation_(std::move(other.cancellation_)) {}
  ~AsioHandler() {
    if (operation_ != nullptr) wake(*operation_);
  }

  cancellation_slot_type get_cancellation_slot() const noexcept {
    return cancellation_ ? cancellation_->slot() : cancellation_slot_type();
  }

  template <class... T>
  void operator()(T&&... arguments) {
    auto* operation = std::exchange(operation_, nullptr);
    operation->completed_with.emplace(std::forward<T>(arguments)...);
    wake(*operation);
  }

 private:
  void wake(AsioOperation<Args...>& operation) noexcept {
    if (cancellation_) cancellation_->completed();
    operation.wake();
  }

  AsioOperation<Args...>* operation_;
  std::shared_ptr<AsioCancellation> cancellation_;
};

template <class Initiation, class InitArgs, class... Args>
class AsioAwaiter : AsioOperation<Args...>, CancelNode {
  using Outcome = AsioOutcome<Args...>;

 public:
  AsioAwaiter(Initiation&& initiation, InitArgs&& arguments)
      : CancelNode(&cancelled),
        initiation_(std::move(initiation)),
        init_args_(std::move(arguments)) {}
  /// Only before it is awaited.
  AsioAwaiter(AsioAwaiter&& other)
      : AsioAwaiter(std::move(other.initiation_), std::move(other.init_args_)) {}

  bool await_ready() const noexcept { return false; }
  template <UnitPromise P>
  void await_suspend(std::coroutine_handle<P> caller) {
    this->unit = caller.promise().unit;
    this->handle = caller;
    CancelScope& scope = *caller.promise().scope;
    if (scope.requested()) {
      this->wake();
      return;
    }
    if (scope.abandonable()) {
      cancellation_ = std::make_shared<AsioCancellation>();
      scope.add(*this);
    }
    std::apply(
        [&](auto&&... arguments) {
          std::move(initiation_)(AsioHandler<Args...>(*this, cancellation_),
                                 std::move(arguments)...);
        },
        std::move(init_args_));
  }
  typename Outcome::type await_resume() {
    CancelNode::unlink();
    if (this->completed_with) return Outcome::make(std::move(*this->completed_with));
    return aborted();
  }

 private:
  static void cancelled(CancelNode& node) noexcept {
    auto& self = static_cast<AsioAwaiter&>(node);
    asio::post(io_context_of(*self.unit->scheduler),
               [cancellation = self.cancellation_] { cancellation->emit(); });
  }
  static typename Outcome::type aborted() {
    const std::error_code error = asio::error::operation_aborted;
    if constexpr (std::is_constructible_v<typename Outcome::type, tl::unexpected<std::error_code>>)
      return tl::make_unexpected(error);
    else
      throw std::system_error(error);
  }

  Initiation initiation_;
  InitArgs init_args_;
  std::shared_ptr<AsioCancellation> cancellation_;
};

}  // namespace detail
}  // namespace coerce

template <class... Args>
class asio::async_result<coerce::use_task_t, void(Args...)> {
 public:
  template <class Initiation, class... InitArgs>
  static auto initiate(Initiation&& initiation, coerce::use_task_t, InitArgs&&... arguments) {
    using Arguments = std::tuple<std::decay_t<InitArgs>...>;
    return coerce::detail::AsioAwaiter<std::decay_t<Initiation>, Arguments, std::decay_t<Args>...>(
        std::decay_t<Initiation>(std::forward<Initiation>(initiation)),
        Arguments(std::forward<InitArgs>(arguments)...));
  }
};
