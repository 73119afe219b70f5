/// \file
/// Reading the events of all journals, to make something else of them.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <coerce/actor/system.hpp>
#include <coerce/persistence/journal.hpp>
#include <coerce/persistence/policy.hpp>
#include <coerce/runtime/detail/guard.hpp>

namespace coerce {

/// What a projection reads, and how.
class ProjectionOptions {
 public:
  /// `name` is what its place is stored under: one that starts with the same name goes on there.
  ProjectionOptions(std::string_view name, std::string_view tag) : name_(name), tag_(tag) {}

  /// [the system's store] Reads the store in which the actors of class A keep their journals, and
  /// keeps its place there too: see Persistence::actor_provider.
  template <class A>
  ProjectionOptions& events_of() noexcept {
    events_of_ = &detail::ActorCell<A>::kType;
    return *this;
  }
  /// [500 ms] How often it looks for new events when it has read all. Throws std::invalid_argument
  /// unless it is above zero.
  ProjectionOptions& poll(Duration period);
  /// [256] Events that it handles at most before it stores its place; so many may be handled twice
  /// after a crash. Throws std::invalid_argument if it is 0.
  ProjectionOptions& save_every(std::size_t events);
  /// [until_success, doubling from 500 ms to 30 s] When an event cannot be handled or read. After
  /// the last try the projection fails.
  ProjectionOptions& retry(Retry retry) noexcept {
    retry_ = retry;
    return *this;
  }

  const std::string& name() const noexcept { return name_; }
  /// The address of ActorCell<A>::kType; null: the system's store.
  const void* events_of() const noexcept { return events_of_; }
  const std::string& tag() const noexcept { return tag_; }
  Duration poll() const noexcept { return poll_; }
  std::size_t save_every() const noexcept { return save_every_; }
  const Retry& retry() const noexcept { return retry_; }

 private:
  std::string name_;
  std::string tag_;
  const void* events_of_ = nullptr;
  Duration poll_ = std::chrono::milliseconds(500);
  std::size_t save_every_ = 256;
  Retry retry_ = Retry::until_success(Retry::kDefaultDelay).backoff();
};

namespace detail {

class ProjectionActor;
using ProjectionHandler = std::function<Task<Result<void>>(const TaggedEntry&)>;

/// Any handler as one that is a coroutine.
template <class F>
Task<Result<void>> project(F& function, const TaggedEntry& event) {
  using Returned = std::invoke_result_t<F&, const TaggedEntry&>;
  if constexpr (is_task<Returned>) {
    if constexpr (std::is_void_v<typename Unwrapped<Returned>::type>) {
      co_await function(event);
      co_return Result<void>();
    } else {
      co_return co_await function(event);
    }
  } else if constexpr (std::is_void_v<Returned>) {
    function(event);
    co_return Result<void>();
  } else {
    co_return function(event);
  }
}

template <class F>
concept Projects =
    std::invocable<F&, const TaggedEntry&> &&
    (std::is_void_v<typename Unwrapped<std::invoke_result_t<F&, const TaggedEntry&>>::type> ||
     std::same_as<typename Unwrapped<std::invoke_result_t<F&, const TaggedEntry&>>::type,
                  Result<void>>);

}  // namespace detail

/// Gives every event with a tag to a handler, those of all journals of one store in the
/// order in which they were appended, and remembers how far it has come: for views, indices,
/// reports. At least once: after a crash the events since the place was last stored come again, so
/// the handler has to bear that. An event is never skipped: one that cannot be handled is tried
/// again, and those behind it wait.
///
/// It is an actor, "projection/<name>", with its place in a durable state: of several with one name
/// the one that started last goes on and the others stop, also in other processes. Events that were
/// deleted before they were read are not seen. The end of this object stops it, at the latest
/// behind the event that is being handled. Move-only.
class Projection {
 public:
  /// `handler(const TaggedEntry&)` returns void, Result<void> or a Task of these; an error, or what
  /// it throws, is a failure. Runs in the projection's actor, for one event at a time. Errors:
  /// AlreadyExists (the system has a projection of that name), ActorStartFailed (no store, or the
  /// place cannot be read), ActorUnavailable.
  template <class F>
    requires detail::Projects<std::decay_t<F>>
  static Task<Result<Projection>> start(const ActorSystem& system, ProjectionOptions options,
                                        F&& handler) {
    detail::refuse_awaited_temporary<F>();
    return begin(system, std::move(options),
                 [function = std::make_shared<std::decay_t<F>>(std::forward<F>(handler))](
                     const TaggedEntry& event) { return detail::project(*function, event); });
  }

  Projection(Projection&&) noexcept;
  Projection& operator=(Projection&&) = delete;
  ~Projection();

  /// Waits until it has stopped and its place is stored.
  Task<Result<void>> stop();
  /// Has it stopped, or failed?
  bool is_running() const noexcept;
  /// Every event with a lower offset has been handled. Errors as those of send().
  Task<Result<std::uint64_t>> offset() const;

 private:
  explicit Projection(LocalActorRef<detail::ProjectionActor> actor);
  static Task<Result<Projection>> begin(ActorSystem system, ProjectionOptions options,
                                        detail::ProjectionHandler handler);

  struct Running;
  std::unique_ptr<Running> running_;
};

}  // namespace coerce
