#include <coerce/remote/refs.hpp>

#include <stdexcept>
#include <tuple>

#include <coerce/actor/system.hpp>

namespace coerce::detail {

namespace {

using Parts = std::tuple<NodeId, std::uint64_t, std::uint64_t, ActorId>;

thread_local SystemCore* decoding_for = nullptr;

// The address of a thread's variable must not be kept over a suspension, hence no inlining.
[[gnu::noinline]] SystemCore* exchange_scope(SystemCore* system) noexcept {
  return std::exchange(decoding_for, system);
}
[[gnu::noinline]] SystemCore* present_scope() noexcept { return decoding_for; }

RefResolver* resolver_of(SystemCore& system) noexcept {
  return static_cast<RefResolver*>(find_extension(system, &extension_key<RefResolver>));
}

}  // namespace

DecodingScope::DecodingScope(SystemCore& system) noexcept : before_(exchange_scope(&system)) {}
DecodingScope::~DecodingScope() { exchange_scope(before_); }

Result<ActorAddress> address_of(Cell& cell) {
  if (RefResolver* resolver = resolver_of(*cell.system)) return resolver->address_of(cell);
  return coerce::unexpected(
      ActorRefErr::Serialisation("a reference travels only from a system that is a node"));
}

Result<CellRef> resolve(ActorAddress address, const RefType& type) {
  SystemCore* system = present_scope();
  RefResolver* resolver = system != nullptr ? resolver_of(*system) : nullptr;
  if (resolver == nullptr)
    return coerce::unexpected(
        ActorRefErr::Deserialisation("a reference can be decoded only by the node it arrives at"));
  return resolver->resolve(std::move(address), type);
}

ActorAddress remote_address_of(Cell& cell) {
  if (as_foreign(cell) == nullptr)
    throw std::logic_error("coerce: unwrap_remote: the actor is of this process");
  auto address = address_of(cell);
  if (!address) throw std::logic_error("coerce: unwrap_remote: " + address.error().to_string());
  return std::move(*address);
}

Result<void> write_address(const ActorAddress& address, Bytes& out) {
  return write_parts(out, address.node, address.incarnation.started, address.incarnation.random,
                     address.actor);
}

Result<ActorAddress> read_address(Reader& reader) {
  auto parts = Codec<Parts>::read(reader);
  if (!parts) return coerce::unexpected(std::move(parts).error());
  auto& [node, started, random, actor] = *parts;
  if (node == 0 || node > kMaxNodeId || actor.empty())
    return coerce::unexpected(ActorRefErr::Deserialisation("this is no address of an actor"));
  return ActorAddress{node, Incarnation{started, random}, std::move(actor)};
}

}  // namespace coerce::detail
