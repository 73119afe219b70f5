/// \file
/// What can go wrong between a sender and an actor, as a value.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include <tl/expected.hpp>

#include <coerce/actor/id.hpp>
#include <coerce/runtime/clock.hpp>

namespace coerce {

namespace detail {
struct ErrorAccess;
}

enum class ActorRefErrKind : std::uint8_t {
  ActorUnavailable,     ///< the actor cannot be had now
  NotFound,             ///< no actor has this id
  AlreadyExists,        ///< an actor with this id is running
  Serialisation,        ///< the message cannot be turned into bytes
  Deserialisation,      ///< the bytes are no such message
  Timeout,              ///< no answer in time
  ActorStartFailed,     ///< the actor stopped or threw while it started
  InvalidRef,           ///< the actor had ended before
  ResultChannelClosed,  ///< the actor ended before it came to the message
  ResultSendFailed,     ///< the answer could not be delivered
  NotSupported,         ///< this cannot be done with this actor, message or from here
  NotImplemented,
  HandlerFailed,  ///< the handler threw; detail() is what it said
  MailboxFull,
  Unreachable,  ///< the actor's node cannot be reached
  Unauthorised,
  Cancelled,   ///< the waiting side was asked to stop
  Fenced,      ///< a newer owner has taken over
  Overloaded,  ///< a limit of the system is reached
};

/// What an error says about the message.
enum class ActorRefErrOutcome : std::uint8_t {
  NotDelivered,  ///< certainly not handled
  Unknown,       ///< perhaps handled
  Handled,       ///< certainly handled
};

/// An error of a reference. Comparable; a copy is cheap; thread-safe like a value.
class [[nodiscard]] ActorRefErr {
 public:
  using Kind = ActorRefErrKind;
  using Outcome = ActorRefErrOutcome;

  Kind kind() const noexcept { return kind_; }
  /// What is known of the message's fate.
  Outcome outcome() const noexcept { return outcome_; }
  const ActorId& actor_id() const noexcept;
  std::string_view message_type() const noexcept;
  std::string_view actor_type() const noexcept;
  /// Words for people; empty if there is nothing to add to the kind.
  std::string_view detail() const noexcept;
  /// How long the sender had waited (Timeout).
  Duration time_taken() const noexcept;
  /// The same error, saying which actor and message it is about.
  ActorRefErr about(ActorId id, std::string_view message_type, std::string_view actor_type) const;
  /// Everything in one line.
  std::string to_string() const;

  static ActorRefErr ActorUnavailable(std::string_view detail = {});
  static ActorRefErr NotFound(ActorId id);
  static ActorRefErr AlreadyExists(ActorId id);
  static ActorRefErr Serialisation(std::string_view detail = {});
  static ActorRefErr Deserialisation(std::string_view detail = {});
  static ActorRefErr Timeout(Duration time_taken = {});
  static ActorRefErr ActorStartFailed(std::string_view detail = {});
  static ActorRefErr InvalidRef();
  static ActorRefErr ResultChannelClosed();
  static ActorRefErr ResultSendFailed();
  static ActorRefErr NotSupported(ActorId id = {}, std::string_view message_type = {},
                                  std::string_view actor_type = {}, std::string_view detail = {});
  static ActorRefErr NotImplemented();
  static ActorRefErr HandlerFailed(std::string_view detail = {});
  static ActorRefErr MailboxFull();
  static ActorRefErr Unreachable(std::string_view detail = {});
  static ActorRefErr Unauthorised(std::string_view detail = {});
  static ActorRefErr Cancelled();
  static ActorRefErr Fenced(std::string_view detail = {});
  static ActorRefErr Overloaded(std::string_view detail = {});

  friend bool operator==(const ActorRefErr& a, const ActorRefErr& b) noexcept;

 private:
  friend struct detail::ErrorAccess;
  struct Details;
  ActorRefErr(Kind kind, Outcome outcome) noexcept : kind_(kind), outcome_(outcome) {}
  static ActorRefErr with_detail(Kind kind, Outcome outcome, std::string_view detail);

  Kind kind_;
  Outcome outcome_;
  std::shared_ptr<const Details> details_;
};

std::string_view to_string(ActorRefErrKind kind) noexcept;
std::string_view to_string(ActorRefErrOutcome outcome) noexcept;

/// A value or an error. value() throws when there is none; `*` and `->` must not be used then.
template <class T, class E = ActorRefErr>
using Result = tl::expected<T, E>;

/// `return coerce::unexpected(error);`
template <class E>
auto unexpected(E&& error) {
  return tl::unexpected<std::decay_t<E>>(std::forward<E>(error));
}

namespace detail {

/// For the codec: an error as another process has described it.
struct ErrorAccess {
  static ActorRefErr restore(ActorRefErrKind kind, ActorRefErrOutcome outcome, ActorId actor_id,
                             std::string_view message_type, std::string_view actor_type,
                             std::string_view detail, Duration time_taken);
};

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<Result<T, ActorRefErr>> = true;

/// Result<T> stays, T becomes Result<T>.
template <class T>
using FlatResult = std::conditional_t<is_result<T>, T, Result<T>>;

}  // namespace detail
}  // namespace coerce
