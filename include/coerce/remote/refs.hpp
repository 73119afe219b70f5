/// \file
/// References to actors inside messages, and what stands behind a reference to another node.

#pragma once

#include <string_view>
#include <utility>

#include <coerce/actor/extension.hpp>
#include <coerce/actor/ref.hpp>
#include <coerce/codec/codec.hpp>
#include <coerce/remote/node.hpp>

namespace coerce {

/// Where an actor is: its id on one node, in one life of that node.
struct ActorAddress {
  NodeId node = 0;
  Incarnation incarnation;
  ActorId actor;

  friend bool operator==(const ActorAddress&, const ActorAddress&) = default;
};

namespace detail {

/// What a reference knows of the class of its actor.
struct RefType {
  const void* actor_key;
  std::string_view name;
  const CellType* cell_type;
};

template <class A>
RefType ref_type_of() noexcept {
  return {&kActorKey<A>, type_name_of<A>(), &ActorCell<A>::kType};
}

/// The part of a node that knows where actors are. Thread-safe.
class RefResolver : public SystemExtension {
 public:
  /// Of an actor of this node, or of one that a reference of this node stands for. Error:
  /// Serialisation, for an actor that other nodes cannot find (anonymous, or a child).
  virtual Result<ActorAddress> address_of(Cell& cell) = 0;
  /// The actor behind an address; never waits. One that has ended, or whose node is gone or has
  /// not been met, gives a reference whose every use says so. Error: Deserialisation, for an actor
  /// of this node that is of another class.
  virtual Result<CellRef> resolve(ActorAddress address, const RefType& type) = 0;
};

/// While it lives, references that this thread decodes become references of `system`. Scopes nest.
/// No coroutine is suspended inside.
class DecodingScope {
 public:
  explicit DecodingScope(SystemCore& system) noexcept;
  ~DecodingScope();
  DecodingScope(const DecodingScope&) = delete;
  DecodingScope& operator=(const DecodingScope&) = delete;

 private:
  SystemCore* before_;
};

/// Error: Serialisation, also if the actor's system is no node.
Result<ActorAddress> address_of(Cell& cell);
/// Error: Deserialisation, also outside of a DecodingScope.
Result<CellRef> resolve(ActorAddress address, const RefType& type);
/// The address of an actor of another node; throws std::logic_error for one of this process.
ActorAddress remote_address_of(Cell& cell);

Result<void> write_address(const ActorAddress& address, Bytes& out);
Result<ActorAddress> read_address(Reader& reader);

}  // namespace detail

/// References travel as the address of their actor, which must be a tracked one without a parent.
/// What arrives on the actor's own node is a local reference there. Decoding works for messages and
/// answers that come from another node, and is an error elsewhere. A reference to an actor that has
/// ended arrives, and its uses give InvalidRef; to a node that is gone, Unreachable.
///
/// Only ActorRef has a codec: it is the one whose class the receiving node knows. A Receiver or
/// BoxedActorRef has forgotten it, and a LocalActorRef promises that its actor is near.
template <class A>
struct Codec<ActorRef<A>> : detail::SelfDelimiting<ActorRef<A>> {
  static Result<void> write(const ActorRef<A>& ref, Bytes& out) {
    auto address = detail::address_of(*ref.cell());
    if (!address) return unexpected(std::move(address).error());
    return detail::write_address(*address, out);
  }
  static Result<ActorRef<A>> read(detail::Reader& reader) {
    auto address = detail::read_address(reader);
    if (!address) return unexpected(std::move(address).error());
    auto cell = detail::resolve(std::move(*address), detail::ref_type_of<A>());
    if (!cell) return unexpected(std::move(cell).error());
    return ActorRef<A>(std::move(*cell));
  }
};

/// Where the actor of another node is.
/// \pre ref.is_remote(). Throws std::logic_error otherwise.
template <class A>
ActorAddress unwrap_remote(const ActorRef<A>& ref) {
  return detail::remote_address_of(*ref.cell());
}

}  // namespace coerce
