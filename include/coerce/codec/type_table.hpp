/// \file
/// Types under the names that they have in journals and on wires, and what becomes of their old
/// versions.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include <coerce/codec/codec.hpp>

namespace coerce {

namespace detail {

template <class T>
inline constexpr char kTypeKey = 0;

/// The parts of a TypeTable that do not depend on what is done with the values.
class TypeNames {
 public:
  using Key = const void*;

  /// Registers the one way from this type onwards; `next` is null for a type that is current.
  void add(const std::string& identifier, Key type, Key next);
  void add_alias(const std::string& identifier, Key type);
  void check() const;

  /// What bytes of this identifier are, or null.
  Key type_of(std::string_view identifier) const;
  /// The identifier that the type was registered with; empty if it was not.
  std::string_view identifier_of(Key type) const;
  bool current(Key type) const;

 private:
  struct Type {
    std::string identifier;
    Key next;
  };
  void add_identifier(const std::string& identifier, Key type);

  std::map<std::string, Key, std::less<>> identifiers_;
  std::unordered_map<Key, Type> types_;
};

ActorRefErr unknown_identifier(std::string_view identifier);
ActorRefErr no_way_onwards(std::string_view type_name);
ActorRefErr upgrade_failed(std::string_view type_name, std::string_view why);

}  // namespace detail

/// Decodes values by the identifiers of their types, brings old ones up to date, and gives them to
/// a sink:
///
///     struct Sink {
///       using Answer = int;                                  // of one value; void is none
///       Answer accept(Deposited event);                      // for each type that is current
///     };
///     coerce::TypeTable<Sink> types;
///     types.type<Deposited>("Deposited")
///         .upgrade<DepositedV1>("DepositedV1", [](DepositedV1 old) { return DepositedV2(old); })
///         .upgrade<DepositedV2>("DepositedV2", [](DepositedV2 old) { return Deposited(old); });
///     auto answer = types.decode("DepositedV1", bytes, sink);       // decodes, upgrades twice,
///     accepts
///
/// Registrations come in any order; each type has one identifier (and aliases) and one way onwards.
/// They throw std::invalid_argument that names the identifier if it or its type is there already,
/// or if upgrades would go round in a circle. Once registered, a table may be used from any thread.
template <class Sink>
class TypeTable {
 public:
  using Answer = typename Sink::Answer;

  /// A type of today: `identifier` is what its bytes are called.
  template <class T>
  TypeTable& type(const std::string& identifier) {
    static_assert(
        requires(Sink& sink, T value) { sink.accept(std::move(value)); },
        "coerce: the sink of this TypeTable has no accept() for this type");
    add<T>(identifier, nullptr, [](const TypeTable&, void* value, Sink& sink) -> Result<Answer> {
      if constexpr (std::is_void_v<Answer>) {
        sink.accept(std::move(*static_cast<T*>(value)));
        return {};
      } else {
        return sink.accept(std::move(*static_cast<T*>(value)));
      }
    });
    return *this;
  }

  /// A type of yesterday. `to_next` makes of an Old what came after it, or a Result of that; what
  /// it returns must be registered too. What it throws becomes an error.
  template <class Old, class Upgrade>
    requires std::invocable<const Upgrade&, Old>
  TypeTable& upgrade(const std::string& identifier, Upgrade to_next) {
    using New = typename detail::FlatResult<std::invoke_result_t<const Upgrade&, Old>>::value_type;
    add<Old>(identifier, &detail::kTypeKey<New>,
             [to_next = std::move(to_next)](const TypeTable& table, void* value,
                                            Sink& sink) -> Result<Answer> {
               auto next = upgraded<New>(to_next, std::move(*static_cast<Old*>(value)));
               if (!next) return unexpected(std::move(next).error());
               return table.hand_on(std::move(*next), sink);
             });
    return *this;
  }

  /// Another identifier for the bytes of a registered type, say one that it had before.
  template <class T>
  TypeTable& alias(const std::string& identifier) {
    names_.add_alias(identifier, &detail::kTypeKey<T>);
    return *this;
  }

  /// Throws std::invalid_argument if an upgrade leads to a type that is not registered, naming the
  /// identifier that it upgrades. To be called when all are registered.
  void check() const { names_.check(); }

  bool knows(std::string_view identifier) const { return names_.type_of(identifier) != nullptr; }
  const detail::TypeNames& names() const noexcept { return names_; }

  /// The identifier to write values of T with; empty if T is not registered as a type of today.
  template <class T>
  std::string_view identifier_of() const {
    const detail::TypeNames::Key key = &detail::kTypeKey<T>;
    return names_.current(key) ? names_.identifier_of(key) : std::string_view();
  }

  /// Errors: NotSupported with the identifier as message type if it is not registered;
  /// Deserialisation with what the codec or the upgrade says. The sink has then accepted nothing.
  Result<Answer> decode(std::string_view identifier, BytesView bytes, Sink& sink,
                        const CodecLimits& limits = {}) const {
    const auto* way = way_of(names_.type_of(identifier));
    if (way == nullptr) return unexpected(detail::unknown_identifier(identifier));
    return way->decode(*this, bytes, sink, limits);
  }

 private:
  using Onwards = std::function<Result<Answer>(const TypeTable&, void*, Sink&)>;
  struct Way {
    Result<Answer> (*decode)(const TypeTable&, BytesView, Sink&, const CodecLimits&);
    Onwards onwards;
  };

  template <class T>
  void add(const std::string& identifier, detail::TypeNames::Key next, Onwards onwards) {
    detail::demand_codec<T>();
    names_.add(identifier, &detail::kTypeKey<T>, next);
    ways_.emplace(&detail::kTypeKey<T>, Way{&decode_as<T>, std::move(onwards)});
  }

  template <class T>
  static Result<Answer> decode_as(const TypeTable& table, BytesView bytes, Sink& sink,
                                  const CodecLimits& limits) {
    auto value = decode_message<T>(bytes, limits);
    if (!value) return unexpected(std::move(value).error());
    return table.hand_on(std::move(*value), sink);
  }

  template <class New, class Upgrade, class Old>
  static Result<New> upgraded(const Upgrade& to_next, Old old) {
    try {
      return to_next(std::move(old));
    } catch (const std::exception& error) {
      return unexpected(detail::upgrade_failed(type_name_of<Old>(), error.what()));
    } catch (...) {
      return unexpected(detail::upgrade_failed(type_name_of<Old>(), "something unknown is thrown"));
    }
  }

  template <class T>
  Result<Answer> hand_on(T value, Sink& sink) const {
    const auto* way = way_of(&detail::kTypeKey<T>);
    if (way == nullptr) return unexpected(detail::no_way_onwards(type_name_of<T>()));
    return way->onwards(*this, std::addressof(value), sink);
  }

  const Way* way_of(detail::TypeNames::Key type) const {
    const auto found = ways_.find(type);
    return found == ways_.end() ? nullptr : &found->second;
  }

  detail::TypeNames names_;
  std::unordered_map<detail::TypeNames::Key, Way> ways_;
};

}  // namespace coerce
