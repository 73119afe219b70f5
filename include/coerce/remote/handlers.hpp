/// \file
/// What a node does for others: the messages that it takes and the actors that it makes.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <coerce/actor/detail/refusal.hpp>
#include <coerce/actor/system.hpp>
#include <coerce/remote/detail/remote_handler.hpp>
#include <coerce/remote/node.hpp>
#include <coerce/remote/refs.hpp>

namespace coerce {

/// Makes actors of one type from a recipe that came as bytes:
/// ```
/// struct PlayerFactory {
///   using Actor = PlayerActor;
///   using Recipe = PlayerRecipe;                                  // any type with a codec
///   Task<Result<PlayerActor>> create(PlayerRecipe) const;         // or plain, or without Result
/// };
/// ```
template <class F>
concept RemoteActorFactory = requires {
  typename F::Actor;
  typename F::Recipe;
} && requires(const F& factory, typename F::Recipe recipe) { factory.create(std::move(recipe)); };

/// A factory whose recipes can travel.
template <class F>
concept TransmittableActorFactory = RemoteActorFactory<F> && Transmittable<typename F::Recipe>;

namespace detail {

/// Why `TransmittableActorFactory<F>` is false.
template <class F>
struct NoFactory {
  static consteval Sentence sentence() {
    if constexpr (RemoteActorFactory<F>)
      return Sentence("coerce: the recipe of ", raw_type_name<F>(),
                      " has no codec: specialise coerce::Codec for ",
                      raw_type_name<typename F::Recipe>());
    else
      return Sentence("coerce: ", raw_type_name<F>(),
                      " is no factory: it needs the types Actor and Recipe, and create(Recipe) "
                      "const");
  }
};
template <class F>
inline constexpr auto kNoFactoryReason = kReasonOf<NoFactory<F>>;
template <TransmittableActorFactory F>
inline constexpr auto kNoFactoryReason<F> = 0;

/// A factory, whatever its types. `create` starts the actor as a tracked one; errors:
/// Deserialisation (of the recipe), ActorStartFailed (with what the factory said or threw),
/// AlreadyExists.
struct RemoteFactory {
  std::string name;
  const void* actor_key;
  std::function<Task<Result<BoxedActorRef>>(ActorSystem, ActorId, Bytes recipe)> create;
  RemotePermission allowed{};
};

template <RemoteActorFactory F>
Task<Result<typename F::Actor>> make_actor(const F& factory, typename F::Recipe recipe) {
  using Made = decltype(factory.create(std::move(recipe)));
  try {
    if constexpr (is_task<Made>) {
      using Inner = typename Made::value_type;
      if constexpr (is_result<Inner>)
        co_return co_await factory.create(std::move(recipe));
      else
        co_return Result<typename F::Actor>(tl::in_place,
                                            co_await factory.create(std::move(recipe)));
    } else if constexpr (is_result<Made>) {
      co_return factory.create(std::move(recipe));
    } else {
      co_return Result<typename F::Actor>(tl::in_place, factory.create(std::move(recipe)));
    }
  } catch (const std::exception& error) {
    co_return coerce::unexpected(ActorRefErr::ActorStartFailed(error.what()));
  } catch (...) {
    co_return coerce::unexpected(ActorRefErr::ActorStartFailed("the factory threw"));
  }
}

/// A recipe may hold references.
template <class R>
Result<R> decode_recipe(const ActorSystem& system, BytesView bytes) {
  const DecodingScope scope(system.core());
  return decode_message<R>(bytes, limits_of(bytes));
}

template <RemoteActorFactory F>
Task<Result<BoxedActorRef>> create_from_bytes(std::shared_ptr<const F> factory, ActorSystem system,
                                              ActorId id, Bytes bytes) {
  auto recipe = decode_recipe<typename F::Recipe>(system, bytes);
  if (!recipe) co_return coerce::unexpected(std::move(recipe).error());
  auto actor = co_await make_actor(*factory, std::move(*recipe));
  if (!actor) {
    auto error = std::move(actor).error();
    if (error.kind() == ActorRefErrKind::ActorStartFailed) co_return coerce::unexpected(error);
    co_return coerce::unexpected(ActorRefErr::ActorStartFailed(error.to_string()));
  }
  auto started = co_await system.new_actor(std::move(id), std::move(*actor));
  if (!started) co_return coerce::unexpected(std::move(started).error());
  co_return BoxedActorRef(*started);
}

}  // namespace detail

/// The messages and factories that a node knows: filled while the node is built, constant after.
/// Not thread-safe while it is filled.
class RemoteHandlers {
 public:
  /// M may be sent to actors of class A on other nodes, and by them to those here, under a name
  /// that is the same on all nodes and says nothing of a compiler. Needs no codec: without one a
  /// send gives Serialisation. Throws std::invalid_argument if the name, or the pair of types, is
  /// there already; a name has 1 to 255 bytes; at most 65 535 of them.
  template <class A, class M>
    requires Handler<A, M>
  RemoteHandlers& with_handler(std::string_view name) {
    add(detail::RemoteHandlerOf<A, M>::make(std::string(name)));
    return *this;
  }
  template <class A, class M, auto because = detail::kReason<A, M>>
    requires(!Handler<A, M>)
  RemoteHandlers& with_handler(std::string_view name) = delete;

  /// Actors that `factory` makes may be deployed here by other nodes. Its name is the actor's
  /// type_name, or the one given.
  template <TransmittableActorFactory F>
  RemoteHandlers& with_actor(F factory, std::string_view name = type_name_of<typename F::Actor>()) {
    auto shared = std::make_shared<const F>(std::move(factory));
    add(detail::RemoteFactory{std::string(name),
                              &detail::kActorKey<typename F::Actor>,
                              [shared](ActorSystem system, ActorId id, Bytes recipe) {
                                return detail::create_from_bytes<F>(
                                    shared, std::move(system), std::move(id), std::move(recipe));
                              },
                              {}});
    return *this;
  }
  template <class F, auto because = detail::kNoFactoryReason<F>>
    requires(!TransmittableActorFactory<F>)
  RemoteHandlers& with_actor(F factory, std::string_view name = {}) = delete;

  /// Of other nodes only those may use what was registered last, a handler or a factory, for which
  /// `who` says yes:
  /// ```
  /// handlers.with_handler<Account, Withdraw>("Account.Withdraw")
  ///     .allow([](const NodeDescription& node) { return node.roles.contains("till"); });
  /// ```
  /// To others a send gives Unauthorised, and a notify becomes a dead letter here. A link may ask
  /// once for all its messages. Throws std::logic_error if nothing was registered.
  RemoteHandlers& allow(RemotePermission who);

  const detail::RemoteHandler* find(std::string_view name) const noexcept;
  const detail::RemoteHandler* find(const void* actor_key, const void* message_key) const noexcept;
  const detail::RemoteFactory* find_factory(std::string_view name) const noexcept;
  const detail::RemoteFactory* find_factory_of(const void* actor_key) const noexcept;
  const std::vector<std::unique_ptr<detail::RemoteHandler>>& all() const noexcept {
    return handlers_;
  }
  SystemCapabilities capabilities() const;

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>()(text);
    }
  };
  struct Pair {
    const void* actor;
    const void* message;
    friend bool operator==(const Pair&, const Pair&) = default;
  };
  struct PairHash {
    std::size_t operator()(const Pair& pair) const noexcept {
      return std::hash<const void*>()(pair.actor) * 31 + std::hash<const void*>()(pair.message);
    }
  };

  void add(detail::RemoteHandler handler);
  void add(detail::RemoteFactory factory);

  std::vector<std::unique_ptr<detail::RemoteHandler>> handlers_;  ///< by index
  std::unordered_map<std::string, detail::RemoteHandler*, TextHash, std::equal_to<>> by_name_;
  std::unordered_map<Pair, detail::RemoteHandler*, PairHash> by_types_;
  std::unordered_map<std::string, detail::RemoteFactory, TextHash, std::equal_to<>> factories_;
  RemotePermission* latest_ = nullptr;  ///< of what was registered last
};

}  // namespace coerce
