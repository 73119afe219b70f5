/// \file
/// What the templates of Singleton call.

#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <coerce/actor/detail/ownership.hpp>
#include <coerce/actor/system.hpp>
#include <coerce/remote/refs.hpp>
#include <coerce/remote/system.hpp>
#include <coerce/runtime/detail/timer.hpp>

namespace coerce::detail {

/// A message that may have to wait until the singleton is found.
class SingletonMessage {
 public:
  virtual ~SingletonMessage() = default;
  /// An error: it did not go, and can be given again if is_whole().
  virtual Result<void> give(const CellRef& host) = 0;
  virtual bool is_whole() const noexcept = 0;
};

template <class A, class M>
class SingletonMessageOf final : public SingletonMessage {
 public:
  template <class... Args>
  explicit SingletonMessageOf(std::in_place_t, Args&&... args)
      : message_(std::forward<Args>(args)...) {}

  Result<void> give(const CellRef& host) override {
    const ActorRef<A> actor(host);
    if constexpr (std::copy_constructible<M>) {
      M copy(message_);
      return actor.notify(std::move(copy));
    } else {
      is_whole_ = actor.is_remote();  // to another node it goes as bytes
      return actor.notify(std::move(message_));
    }
  }
  bool is_whole() const noexcept override { return is_whole_; }

 private:
  M message_;
  bool is_whole_ = true;
};

/// The way from one node to a singleton, wherever it is. Thread-safe.
class SingletonProxy {
 public:
  virtual ~SingletonProxy() = default;
  /// Waits until there is a host that can be reached, no longer than `until`. `gone`: the actor
  /// that was found before, and is there no more. Errors: Timeout (NotDelivered), Overloaded,
  /// ActorStartFailed, Cancelled.
  virtual Task<Result<CellRef>> find(TimePoint until, std::optional<CellRef> gone) = 0;
  virtual Result<void> notify(std::unique_ptr<SingletonMessage> message) = 0;
  /// The node that runs it, as far as this one knows, and the view in which it began to.
  virtual std::optional<std::pair<NodeId, std::uint64_t>> host() const = 0;
  virtual std::uint64_t lost_count() const noexcept = 0;
  virtual TimePoint now() const noexcept = 0;
  virtual Duration timeout() const noexcept = 0;
};
using SingletonProxyRef = std::shared_ptr<SingletonProxy>;

/// By what right an actor is the singleton.
struct SingletonRight {
  std::shared_ptr<Ownership> lease;  ///< null: by the agreed view alone
  Epoch view;                        ///< advisory
};

using SingletonStart = std::function<Task<Result<CellRef>>(
    ActorSystem system, ActorId id, SupervisorStrategy strategy, SingletonRight right)>;

struct SingletonSetup {
  RefType type;
  std::string name;
  std::string role;      ///< empty: any node
  SingletonStart start;  ///< none: this node never hosts it
  std::size_t capacity = 1000;
  std::optional<Duration> timeout{};
  Duration min_backoff = std::chrono::milliseconds(100);
  Duration max_backoff = std::chrono::seconds(30);
};

/// SingletonBuilder::build.
Task<Result<SingletonProxyRef>> build_singleton(RemoteActorSystem node, SingletonSetup setup);
/// Is it certain that the message has not come to the actor, which is not where it was?
bool is_elsewhere(const ActorRefErr& error, const CellRef& host) noexcept;

/// What a sender gets if the actor has handled its message when it may have been too late.
ActorRefErr lost_its_lease();

template <class A, class F>
Task<Result<CellRef>> start_singleton(std::shared_ptr<F> factory, ActorSystem system, ActorId id,
                                      SupervisorStrategy strategy, SingletonRight right) {
  auto make = [factory] { return (*factory)(); };
  Cell& cell = make_cell_with<A>(system.core(), std::move(id), nullptr, ActorType::Tracked,
                                 std::move(make), strategy);
  // The number of a view is no epoch of a journal: a cluster that begins anew counts from 1.
  if (right.lease)
    give_ownership(cell, right.lease);
  else
    note_epoch(static_cast<ActorContext&>(cell), right.view);
  StartAwaiter<A> starting(cell);
  auto started = co_await starting;
  if (!started) co_return coerce::unexpected(std::move(started).error());
  co_return started->cell();
}

template <class A, class M>
Task<Result<MessageResult<M>>> send_to_singleton(SingletonProxyRef proxy, M message,
                                                 Duration timeout) {
  const TimePoint until = later(proxy->now(), timeout);
  std::optional<CellRef> gone;
  for (;;) {
    auto finding = proxy->find(until, gone);
    auto host = co_await finding;
    if (!host) co_return coerce::unexpected(std::move(host).error());
    const ActorRef<A> actor(*host);
    const Duration left = until - proxy->now();
    if constexpr (std::copy_constructible<M>) {
      M copy(message);
      auto asking = actor.send(std::move(copy), left);
      auto answer = co_await asking;
      if (answer && !may_act(**host)) co_return coerce::unexpected(lost_its_lease());
      if (answer || !is_elsewhere(answer.error(), *host)) co_return answer;
    } else {
      auto asking = actor.send(std::move(message), left);
      auto answer = co_await asking;
      if (answer && !may_act(**host)) co_return coerce::unexpected(lost_its_lease());
      co_return answer;
    }
    gone = *host;
  }
}

}  // namespace coerce::detail
