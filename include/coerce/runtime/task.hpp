/// \file
/// Task<T>: the coroutine type of handlers, hooks and everything that waits.

#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include <coerce/runtime/detail/worker.hpp>

namespace coerce {

template <class T>
class Task;

namespace detail {

struct TaskAccess;

/// What all promises of a chain share: where the chain runs and who is to be resumed.
struct PromiseBase {
  Unit* unit = nullptr;
  CancelScope* scope = nullptr;
  std::coroutine_handle<> continuation;
  bool parent_waits = false;
  std::uint32_t began_ms = 0;  ///< of a handler that has suspended: Worker::clock_ms()

  static void* operator new(std::size_t size) { return pool_allocate(size); }
  static void operator delete(void* memory, std::size_t size) noexcept { pool_free(memory, size); }

  struct FinalAwaiter {
    FinalAwaiter() noexcept = default;
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      // The parent may destroy this frame while it runs: nothing of it is touched afterwards.
      if (self.promise().parent_waits) self.promise().continuation.resume();
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
};

/// Coroutines whose promise says in which unit they run: only these can await the library's
/// operations.
template <class P>
concept UnitPromise = std::derived_from<P, PromiseBase>;

template <class T>
struct Promise : PromiseBase {
  Promise() noexcept {}
  Promise(const Promise&) = delete;
  Promise& operator=(const Promise&) = delete;
  ~Promise() {
    if (state == State::Value) std::destroy_at(std::addressof(value));
    if (state == State::Failed) std::destroy_at(std::addressof(error));
  }

  Task<T> get_return_object() noexcept;

  template <class U>
    requires std::constructible_from<T, U&&>
  void return_value(U&& result) {
    std::construct_at(std::addressof(value), std::forward<U>(result));
    state = State::Value;
  }
  void unhandled_exception() noexcept {
    std::construct_at(std::addressof(error), std::current_exception());
    state = State::Failed;
  }
  T take() {
    if (state == State::Failed) std::rethrow_exception(std::move(error));
    return std::move(value);
  }

  enum class State : unsigned char { Empty, Value, Failed };
  State state = State::Empty;
  union {
    T value;
    std::exception_ptr error;
  };
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void unhandled_exception() noexcept { error = std::current_exception(); }
  void take() {
    if (error) std::rethrow_exception(std::move(error));
  }
  std::exception_ptr error;
};

/// Awaits a child coroutine by starting it in place. Not by symmetric transfer, which is no tail
/// call in GCC 12 below -O2 or under sanitizers.
template <class T>
struct TaskAwaiter {
  explicit TaskAwaiter(std::coroutine_handle<Promise<T>> handle) noexcept : child(handle) {}

  bool await_ready() const noexcept { return false; }
  template <UnitPromise P>
  bool await_suspend(std::coroutine_handle<P> parent) {
    PromiseBase& promise = child.promise();
    promise.unit = parent.promise().unit;
    promise.scope = parent.promise().scope;
    promise.continuation = parent;
    child.resume();
    if (child.done()) return false;
    promise.parent_waits = true;
    return true;
  }
  T await_resume() { return child.promise().take(); }

  std::coroutine_handle<Promise<T>> child;
};

}  // namespace detail

/// A lazy coroutine: it begins when it is awaited, and is awaited once.
///
/// It runs in its awaiter's unit (the actor or spawned task), on whichever worker runs that, never
/// on two at a time. An exception leaves it at the `co_await`. Destroying a Task that was not
/// awaited destroys its parameters; a Task that has begun must not be destroyed before it has
/// finished, which awaiting guarantees. Move-only; not thread-safe.
template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using value_type = T;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  auto operator co_await() && noexcept { return detail::TaskAwaiter<T>(handle_); }
  /// A named task may be awaited without std::move; once.
  auto operator co_await() & noexcept { return detail::TaskAwaiter<T>(handle_); }

 private:
  friend promise_type;
  friend struct detail::TaskAccess;
  explicit Task(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}

  std::coroutine_handle<promise_type> handle_;
};

namespace detail {

template <class T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}

inline Task<void> Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

/// How the runtime reaches into a Task.
struct TaskAccess {
  template <class T>
  static std::coroutine_handle<Promise<T>> handle(const Task<T>& task) noexcept {
    return task.handle_;
  }
  template <class T>
  static std::coroutine_handle<Promise<T>> release(Task<T>&& task) noexcept {
    return std::exchange(task.handle_, {});
  }
  template <class T>
  static Task<T> adopt(std::coroutine_handle<Promise<T>> handle) noexcept {
    return Task<T>(handle);
  }
};

template <class T>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<Task<T>> = true;

template <class A>
decltype(auto) get_awaiter(A&& awaitable) {
  if constexpr (requires { std::forward<A>(awaitable).operator co_await(); })
    return std::forward<A>(awaitable).operator co_await();
  else
    return std::forward<A>(awaitable);
}

}  // namespace detail

/// What can be awaited inside a Task.
template <class A>
concept Awaitable =
    requires(A&& awaitable) { detail::get_awaiter(std::forward<A>(awaitable)).await_resume(); };

/// What `co_await` gives for an A.
template <Awaitable A>
using AwaitResult = decltype(detail::get_awaiter(std::declval<A>()).await_resume());

namespace detail {

template <class A>
Task<AwaitResult<A>> await_as_task(A awaitable) {
  co_return co_await std::move(awaitable);
}

}  // namespace detail

/// The awaitable as a Task.
template <Awaitable A>
auto as_task(A&& awaitable) {
  using Plain = std::remove_cvref_t<A>;
  if constexpr (detail::is_task<Plain>)
    // A named task is moved too. NOLINTNEXTLINE(bugprone-move-forwarding-reference)
    return Plain(std::move(awaitable));
  else
    return detail::await_as_task<Plain>(std::forward<A>(awaitable));
}

}  // namespace coerce
