/// \file
/// Small vocabulary of the actor module.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <coerce/runtime/clock.hpp>

namespace coerce {

enum class ActorType : std::uint8_t {
  Tracked,    ///< found by its id until it stops; lives until it is stopped
  Anonymous,  ///< not found by lookup; ends when nobody refers to it any more, or with its parent
};

enum class ActorStatus : std::uint8_t { Starting, Started, Stopping, Stopped };

std::string_view to_string(ActorStatus status) noexcept;

enum class StopReasonKind : std::uint8_t {
  Stopped,       ///< somebody asked for it
  Failed,        ///< a handler or hook threw
  StartFailed,   ///< it threw, or asked to stop, while it started
  Unreferenced,  ///< an anonymous actor that nobody referred to any more
  ParentStopped,
  SystemShutdown,
  NodeLost,
};

std::string_view to_string(StopReasonKind kind) noexcept;

/// Why an actor ended.
class StopReason {
 public:
  using Kind = StopReasonKind;

  explicit StopReason(Kind kind = Kind::Stopped, std::string detail = {})
      : kind_(kind), detail_(std::move(detail)) {}

  Kind kind() const noexcept { return kind_; }
  const std::string& detail() const noexcept { return detail_; }

 private:
  Kind kind_;
  std::string detail_;
};

/// What happens to a message for a bounded mailbox that is full.
enum class Overflow : std::uint8_t {
  Reject,      ///< its sender gets MailboxFull
  DropOldest,  ///< the oldest one that waits makes room: its sender gets MailboxFull, or it is a
               ///< dead letter
  Suspend,     ///< an awaited send waits for its turn; anything else gets MailboxFull
};

/// The mailbox of an actor: for all of a system (ActorSystemBuilder::mailbox), or for a class by
/// `static constexpr coerce::MailboxOptions mailbox`. System messages (stop, watch, describe and
/// the like) are never bounded away.
struct MailboxOptions {
  std::size_t capacity =
      0;  ///< messages that wait, not counting the one being handled; 0: no bound
  Overflow overflow = Overflow::Reject;
  std::size_t suspended = 1000;  ///< senders that wait beyond the capacity; more get MailboxFull
  std::size_t stash = 1000;      ///< messages that the actor may put aside

  /// Does it differ from a mailbox without options?
  constexpr bool binds() const noexcept { return capacity != 0 || stash != 1000; }

  static constexpr std::size_t kMostCapacity = std::size_t{1} << 24;
};
static_assert(std::is_trivially_destructible_v<MailboxOptions>);

/// Limits of the tasks beside an actor.
struct TaskOptions {
  std::size_t limit = 1024;  ///< tasks that the actor has at a time; one more is Overloaded
};
static_assert(std::is_trivially_destructible_v<TaskOptions>);

/// Limits of a description. Defaults: no limits, 5 s.
struct DescribeOptions {
  std::size_t max_depth = SIZE_MAX;     ///< levels below the described actor
  std::size_t max_children = SIZE_MAX;  ///< at each level, in the order in which they were spawned
  Duration child_timeout = std::chrono::seconds(5);  ///< for each level, the first one included
  bool attached = true;                              ///< describe attached children too
};

}  // namespace coerce
