/// \file
/// How other modules become part of a system.

#pragma once

#include <atomic>
#include <memory>
#include <string_view>
#include <utility>

#include <coerce/actor/detail/start.hpp>

namespace coerce {

namespace detail {
class Extensions;
}

class ActorSystem;

/// Something that belongs to a system, starts with it and stops with it: persistence, remoting, a
/// server. Registered by ActorSystemBuilder::extend or ActorSystem::extend, found by its type with
/// ActorSystem::extension, at most 32 of them in a system.
///
/// The system owns it, so it must not keep an ActorSystem of its own: the last handle would never
/// go; system() is there instead. It is destroyed when a shutdown was complete and the last handle
/// has gone; what has not stopped in time is leaked with its system, like an actor.
class SystemExtension {
 public:
  SystemExtension(const SystemExtension&) = delete;
  SystemExtension& operator=(const SystemExtension&) = delete;
  virtual ~SystemExtension();

  /// For logs and reports.
  virtual std::string_view name() const noexcept = 0;

  /// Called once, before anybody finds it by its type, on the thread that registers it. What it
  /// throws is the failure of the registration; then its actors are stopped and no other hook is
  /// called.
  virtual void started(const ActorSystem& system);

  /// A shutdown begins: take no more work from outside. Called once, on a worker, for all
  /// extensions at the same time; the users' actors are asked to stop when all have returned.
  /// `deadline` is when the shutdown goes on without it; it is a failure to be late or to throw,
  /// and reported by name.
  virtual Task<void> stop_accepting(TimePoint deadline);
  /// The users' actors are gone. Called once, on a worker, one extension after another in reverse
  /// order of registration; the actors of this extension are stopped when it has returned.
  virtual Task<void> stop(TimePoint deadline);

 protected:
  SystemExtension() = default;

  /// The system, from started() until it has stopped. Throws std::logic_error at other times.
  ActorSystem system() const;

  /// Starts an actor of the extension's own, like ActorSystem::new_actor. It is tracked, but
  /// actor_count() does not count it, and it stays until the extension has stopped: users' actors
  /// may rely on it to the end. Like system() it throws when there is no system.
  template <int = 0, class A>
    requires std::derived_from<std::remove_cvref_t<A>, Actor>
  auto spawn(ActorId id, A&& actor) {
    detail::refuse_awaited_temporary<A>();
    using Plain = std::remove_cvref_t<A>;
    return detail::StartAwaiter<Plain>(own_cell<Plain>(std::move(id), std::forward<A>(actor)));
  }
  /// The same, built in place.
  template <class A, class... Args>
    requires std::constructible_from<A, Args...>
  auto spawn(ActorId id, Args&&... args) {
    detail::refuse_awaited_temporary<Args...>();
    return detail::StartAwaiter<A>(own_cell<A>(std::move(id), std::forward<Args>(args)...));
  }
  /// The same without waiting for its started().
  template <class A>
    requires std::derived_from<std::remove_cvref_t<A>, Actor>
  Result<LocalActorRef<std::remove_cvref_t<A>>> spawn_deferred(ActorId id, A&& actor) {
    using Plain = std::remove_cvref_t<A>;
    detail::Cell& cell = own_cell<Plain>(std::move(id), std::forward<A>(actor));
    if (auto error = detail::launch_deferred(cell)) return coerce::unexpected(std::move(*error));
    return LocalActorRef<Plain>(detail::CellRef(&cell));
  }

 private:
  friend class detail::Extensions;

  template <class A, class... Args>
  detail::Cell& own_cell(ActorId id, Args&&... args) {
    detail::Cell& cell = detail::make_cell<A>(core(), std::move(id), nullptr, ActorType::Tracked,
                                              std::forward<Args>(args)...);
    cell.live_shard = shard_;
    return cell;
  }
  detail::SystemCore& core() const;

  std::atomic<detail::SystemCore*> core_{nullptr};
  std::uint8_t shard_ = 0;  ///< of the system's lists of living actors
};

namespace detail {
/// Its address stands for the type.
template <class E>
inline char extension_key = 0;
}  // namespace detail

}  // namespace coerce
