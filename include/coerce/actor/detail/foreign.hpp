/// \file
/// The port through which references reach actors of other nodes.

#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <coerce/actor/describe.hpp>
#include <coerce/actor/detail/cell_ref.hpp>
#include <coerce/actor/detail/send.hpp>
#include <coerce/actor/node_id.hpp>

namespace coerce::detail {

struct ForeignCell;

/// Its address stands for the actor type.
template <class A>
inline constexpr char kActorKey = 0;

/// A message for an actor of another node.
struct ForeignMessage {
  const void* message_key;         ///< &kMessageKey<M>
  std::string_view message_type;   ///< for errors
  const void* payload;             ///< const M*
  Cell* sender = nullptr;          ///< or not known
  ReplyEnvelope* asker = nullptr;  ///< a SendEnvelope<M> whose sender waits; null for a notify
};

/// What a module that knows other nodes implements. One object stands for one node; thread-safe.
class ForeignPort {
 public:
  ForeignPort() = default;
  ForeignPort(const ForeignPort&) = delete;
  ForeignPort& operator=(const ForeignPort&) = delete;
  virtual ~ForeignPort() = default;

  virtual NodeId node_id() const noexcept = 0;
  /// Turns the message into bytes and hands it to the node's link; never waits. An error: nothing
  /// was sent, and the asker is still the caller's. None: the asker is completed exactly once, at
  /// the latest at its deadline, perhaps before this returns.
  virtual std::optional<ActorRefErr> deliver(ForeignCell& target,
                                             const ForeignMessage& message) noexcept = 0;

  /// Each ends by its deadline (5 s by default) with Unreachable or Timeout if the node is silent.
  virtual Task<Result<ActorStatus>> status(CellRef target) = 0;
  virtual Task<Result<void>> stop(CellRef target) = 0;
  virtual Result<void> notify_stop(ForeignCell& target) = 0;
  virtual Task<DescribeResult> describe(CellRef target, DescribeOptions options) = 0;
  /// The watcher is told once with tell_terminated(watcher, target, reason), also when the node is
  /// lost (NodeLost) or had ended before. Once for an actor, by any of its cells; or Overloaded.
  virtual Result<void> watch(Cell& watcher, ForeignCell& target) = 0;
  virtual void unwatch(Cell& watcher, ForeignCell& target) noexcept = 0;  ///< by any of its cells
};

/// Stands for an actor of another node. It has no actor and no mailbox, belongs to no list of its
/// system, and lives as long as references do.
struct ForeignCell final : Cell {
  static CellRef make(SystemCore& system, ActorId id, const void* actor_key,
                      std::string_view actor_type, std::shared_ptr<ForeignPort> port);

  const std::shared_ptr<ForeignPort> port;
  const void* const actor_key;        ///< &kActorKey<A>
  const std::string_view actor_type;  ///< of the class; lives as long as the program
  /// The port's own: how its present link names the actor.
  std::atomic<std::uint64_t> wire_name{0};
  /// The port's own: what it has found the last time for a type of message.
  std::atomic<const void*> latest_handler{nullptr};

 private:
  ForeignCell(SystemCore& system, ActorId id, const void* key, std::string_view its_type,
              std::shared_ptr<ForeignPort> its_port) noexcept;
  static void deallocate(Cell& cell) noexcept;
  static const CellType kType;
};

inline ForeignCell* as_foreign(Cell& cell) noexcept {
  return cell.entry.load(std::memory_order_relaxed) == Entry::Foreign
             ? static_cast<ForeignCell*>(&cell)
             : nullptr;
}

/// Hands an envelope's message over in the sender's thread, as a foreign cell has no mailbox. Run:
/// `argument` is a bool* that becomes true if it was taken; an asker that was not taken has its
/// answer then.
template <class M, bool Answered>
bool foreign_op(Envelope& envelope, Unit& unit, Op op, void* argument) {
  using Carrier = std::conditional_t<Answered, SendEnvelope<M>, NotifyEnvelope<M>>;
  if (op > Op::Collect) [[unlikely]]
    return message_unhandled<M>(envelope, unit, op, argument);
  auto& carrier = static_cast<Carrier&>(envelope);
  ForeignMessage message{&kMessageKey<M>, type_name_of<M>(), &carrier.payload, sender_of(envelope)};
  if constexpr (Answered) message.asker = &carrier;
  auto& target = static_cast<ForeignCell&>(cell_of(unit));
  auto refused = target.port->deliver(target, message);
  *static_cast<bool*>(argument) = !refused.has_value();
  if constexpr (Answered) {
    if (refused) carrier.answer.emplace(coerce::unexpected(std::move(*refused)));
  } else {
    if (!refused) std::destroy_at(&carrier.payload);
  }
  return true;
}

Result<void> deliver_foreign(ForeignCell& target, const ForeignMessage& message);

/// The same for a message that is in no envelope.
template <class M, class... Args>
Result<void> notify_foreign(ForeignCell& target, Cell* sender, Args&&... args) {
  if constexpr (sizeof...(Args) == 1 && (std::is_same_v<std::remove_cvref_t<Args>, M> && ...)) {
    const M& message = (args, ...);
    return deliver_foreign(target, {&kMessageKey<M>, type_name_of<M>(), &message, sender});
  } else {
    const M message(std::forward<Args>(args)...);
    return deliver_foreign(target, {&kMessageKey<M>, type_name_of<M>(), &message, sender});
  }
}

/// To an actor of this process by `op`, or of another node.
template <class M, class... Args>
Result<void> notify_anywhere(Cell& cell, EnvelopeOp op, Args&&... args) {
  if (ForeignCell* foreign = as_foreign(cell))
    return notify_foreign<M>(*foreign, nullptr, std::forward<Args>(args)...);
  return notify_cell<M>(cell, op, std::forward<Args>(args)...);
}

// What a reference to any actor tells and asks.
std::string_view actor_type_of(Cell& cell) noexcept;
bool is_same_actor(Cell& a, Cell& b) noexcept;
/// Throws std::logic_error for an actor of another node.
void demand_local(Cell& cell);
Task<Result<ActorStatus>> status_of(CellRef cell);
Task<Result<void>> stop_of(CellRef cell);

}  // namespace coerce::detail
