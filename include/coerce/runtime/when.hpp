/// \file
/// Several tasks at once: all of them, or the first.

#pragma once

#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <coerce/runtime/detail/guard.hpp>
#include <coerce/runtime/task.hpp>

namespace coerce {

namespace detail {

/// The result of a branch, kept until the join: a value or an exception.
template <class T>
struct BranchResult {
  std::optional<T> value;
  std::exception_ptr error;
  T take() {
    if (error) std::rethrow_exception(std::move(error));
    return std::move(*value);
  }
};
template <>
struct BranchResult<void> {
  std::exception_ptr error;
  std::monostate take() {
    if (error) std::rethrow_exception(std::move(error));
    return {};
  }
};

template <class T>
using BranchValue = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/// Starts branches inside the caller's unit and resumes the caller when the last one has ended.
/// All of it runs in one unit, so a plain counter suffices.
class Join {
 public:
  static constexpr std::size_t kNobody = ~std::size_t{0};

  /// With `scope` of its own the branches may be left behind (when_any), without they inherit.
  explicit Join(std::size_t count, CancelScope* scope = nullptr) noexcept
      : left_(count), scope_(scope) {}
  Join(const Join&) = delete;
  Join& operator=(const Join&) = delete;

  std::size_t first() const noexcept { return first_; }

  template <class... T>
  struct Starter {
    Starter(Join& join, Task<T>&... tasks) noexcept : join_(join), tasks_(tasks...) {}
    bool await_ready() const noexcept { return sizeof...(T) == 0; }
    template <UnitPromise P>
    bool await_suspend(std::coroutine_handle<P> caller) {
      std::apply([&](auto&... task) { (join_.start(task, caller.promise()), ...); }, tasks_);
      return join_.wait(caller);
    }
    void await_resume() const noexcept {}
    Join& join_;
    std::tuple<Task<T>&...> tasks_;
  };

  struct VectorStarter {
    VectorStarter(Join& join, std::vector<Task<void>>& tasks) noexcept
        : join_(join), tasks_(tasks) {}
    bool await_ready() const noexcept { return tasks_.empty(); }
    template <UnitPromise P>
    bool await_suspend(std::coroutine_handle<P> caller) {
      for (auto& task : tasks_) join_.start(task, caller.promise());
      return join_.wait(caller);
    }
    void await_resume() const noexcept {}
    Join& join_;
    std::vector<Task<void>>& tasks_;
  };

  /// A branch has ended, at the end of its coroutine.
  void arrive(std::size_t index) noexcept {
    if (first_ == kNobody) {
      first_ = index;
      if (scope_ != nullptr) scope_->request();
    }
    --left_;
  }

  struct ArriveAwaiter {
    explicit ArriveAwaiter(Join& join) noexcept : join_(join) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const noexcept {
      if (join_.left_ == 0 && join_.waiting_) std::exchange(join_.waiting_, {}).resume();
    }
    void await_resume() const noexcept {}
    Join& join_;
  };

 private:
  template <class T>
  void start(Task<T>& task, PromiseBase& parent) {
    auto child = TaskAccess::handle(task);
    child.promise().unit = parent.unit;
    child.promise().scope = scope_ != nullptr ? scope_ : parent.scope;
    child.resume();
  }
  bool wait(std::coroutine_handle<> caller) noexcept {
    if (left_ == 0) return false;
    waiting_ = caller;
    return true;
  }

  std::size_t left_;
  CancelScope* scope_;
  std::size_t first_ = kNobody;
  std::coroutine_handle<> waiting_;
};

template <std::size_t>
using BranchTask = Task<void>;
template <std::size_t>
using BranchVoid = void;

template <class T>
Task<void> branch(Task<T> task, BranchResult<T>& result, Join& join, std::size_t index) {
  try {
    if constexpr (std::is_void_v<T>)
      co_await std::move(task);
    else
      result.value.emplace(co_await std::move(task));
  } catch (...) {
    result.error = std::current_exception();
  }
  join.arrive(index);
  co_await Join::ArriveAwaiter(join);  // never resumed: the join destroys this frame
}

/// Passes a request to stop on to an inner scope.
struct LinkedScope : CancelScope, CancelNode {
  explicit LinkedScope(CancelScope& outer) noexcept : CancelScope(true), CancelNode(&forward) {
    if (outer.requested())
      request();
    else
      outer.add(*this);
  }
  static void forward(CancelNode& node) noexcept { static_cast<LinkedScope&>(node).request(); }
};

/// The scope of the coroutine that awaits this.
struct CurrentScope {
  CurrentScope() noexcept = default;
  bool await_ready() const noexcept { return false; }
  template <UnitPromise P>
  bool await_suspend(std::coroutine_handle<P> caller) noexcept {
    promise = &caller.promise();
    return false;
  }
  PromiseBase& await_resume() const noexcept { return *promise; }
  PromiseBase* promise = nullptr;
};

template <class... T, std::size_t... I>
Task<std::tuple<BranchValue<T>...>> when_all_tasks(std::index_sequence<I...>, Task<T>... tasks) {
  Join join(sizeof...(T));
  [[maybe_unused]] std::tuple<BranchResult<T>...> results;
  [[maybe_unused]] std::tuple<BranchTask<I>...> branches(
      branch(std::move(tasks), std::get<I>(results), join, I)...);
  Join::Starter<BranchVoid<I>...> starter(join, std::get<I>(branches)...);
  co_await starter;
  std::tuple<BranchValue<T>...> values{std::get<I>(results).take()...};  // braces: left to right
  co_return values;
}

template <class T>
Task<std::vector<BranchValue<T>>> when_all_vector(std::vector<Task<T>> tasks) {
  Join join(tasks.size());
  std::vector<BranchResult<T>> results(tasks.size());
  std::vector<Task<void>> branches;
  branches.reserve(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i)
    branches.push_back(branch(std::move(tasks[i]), results[i], join, i));
  Join::VectorStarter starter(join, branches);
  co_await starter;
  std::vector<BranchValue<T>> values;
  values.reserve(results.size());
  for (auto& result : results) values.push_back(result.take());
  co_return values;
}

template <class... T, std::size_t... I>
Task<std::variant<BranchValue<T>...>> when_any_tasks(std::index_sequence<I...>, Task<T>... tasks) {
  using Winner = std::variant<BranchValue<T>...>;
  CurrentScope current;
  PromiseBase& promise = co_await current;
  LinkedScope scope(*promise.scope);
  Join join(sizeof...(T), &scope);
  [[maybe_unused]] std::tuple<BranchResult<T>...> results;
  [[maybe_unused]] std::tuple<BranchTask<I>...> branches(
      branch(std::move(tasks), std::get<I>(results), join, I)...);
  Join::Starter<BranchVoid<I>...> starter(join, std::get<I>(branches)...);
  co_await starter;
  std::optional<Winner> winner;
  ((join.first() == I ? (void)winner.emplace(std::in_place_index<I>, std::get<I>(results).take())
                      : (void)0),
   ...);
  co_return std::move(*winner);
}

}  // namespace detail

/// Runs the awaitables concurrently in the caller's unit and gives all results as a tuple (void
/// becomes std::monostate). Waits for every one, also when one throws; then the first exception, in
/// the order of the arguments, is thrown.
template <Awaitable... A>
auto when_all(A&&... awaitables) {
  detail::refuse_awaited_temporary<A...>();
  return detail::when_all_tasks(std::index_sequence_for<A...>(),
                                as_task(std::forward<A>(awaitables))...);
}

/// The same for any number of tasks of one type; results in the order of the tasks.
template <class T>
auto when_all(std::vector<Task<T>> tasks) {
  return detail::when_all_vector(std::move(tasks));
}

/// Runs the awaitables concurrently in the caller's unit; gives the result of the first that ends,
/// as a variant whose index says which one. The others are asked to stop, and awaited: nothing is
/// left behind.
template <Awaitable... A>
  requires(sizeof...(A) > 0)
auto when_any(A&&... awaitables) {
  detail::refuse_awaited_temporary<A...>();
  return detail::when_any_tasks(std::index_sequence_for<A...>(),
                                as_task(std::forward<A>(awaitables))...);
}

}  // namespace coerce
