/// \file
/// Why an actor does not handle a message, said by the compiler in one sentence.
///
/// Each verb that takes a message has a deleted overload for those that the actor does not handle.
/// Its last template argument is the reason, which compilers print with the error. Being deleted,
/// not defined with a static_assert, it leaves `requires { ref.notify(m); }` false.

#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>
#include <utility>

#include <coerce/actor/message.hpp>

namespace coerce::detail {

/// Text as a template argument: lines, because Clang prints no more than 36 characters of each.
template <std::size_t Size, std::size_t... Rest>
struct Because {
  char text[Size];
  Because<Rest...> and_then;
};
template <std::size_t Size>
struct Because<Size> {
  char text[Size];
};

/// A sentence that is put together while compiling.
struct Sentence {
#ifdef __clang__
  static constexpr std::size_t kLine = 36;
#else
  static constexpr std::size_t kLine = 1000;
#endif
  char text[1000]{};
  std::size_t size = 0;

  template <class... Parts>
  explicit consteval Sentence(const Parts&... parts) {
    (append(parts), ...);
  }
  consteval void append(std::string_view part) {
    for (const char c : part)
      if (size + 1 < sizeof(text)) text[size++] = c;
  }
  consteval std::string_view view() const { return {text, size}; }

  /// Where the n-th line begins: after a blank if there is one.
  consteval std::size_t begin_of(std::size_t line) const {
    std::size_t begin = 0;
    for (; line > 0; --line) {
      if (size - begin <= kLine) return size;
      const std::size_t blank = view().substr(begin, kLine).find_last_of(' ');
      begin += blank == std::string_view::npos || blank == 0 ? kLine : blank + 1;
    }
    return begin;
  }
  consteval std::size_t lines() const {
    std::size_t count = 1;
    while (begin_of(count) < size) ++count;
    return count;
  }
};

/// Every element is written, the final zero too: only then does Clang print it as text.
template <std::size_t Size, std::size_t... Rest>
consteval void write_lines(Because<Size, Rest...>& to, const Sentence& from, std::size_t line) {
  const std::size_t begin = from.begin_of(line);
  for (std::size_t i = 0; i + 1 < Size; ++i) to.text[i] = from.text[begin + i];
  to.text[Size - 1] = '\0';
  if constexpr (sizeof...(Rest) > 0) write_lines(to.and_then, from, line + 1);
}

/// Outside, nobody can copy or destroy a context, so a call cannot find this out.
template <class A, class M, class R>
void with_copied_context(R (A::*)(M, ActorContext));

template <class A, class M>
concept TakesContextByValue = requires { with_copied_context<A, M>(&A::handle); };
template <class A, class M>
concept LacksContext = requires(A& actor, Exactly<M> message) { actor.handle(message); };
template <class A, class M>
concept TakesNonConst = requires(A& actor, M& message, ActorContext& context) {
  actor.handle(message, context);
} && !requires(A& actor, M message, ActorContext& context) {
  actor.handle(std::move(message), context);
};
template <class A, class M>
concept TakesConverted = requires(A& actor, M message, ActorContext& context) {
  actor.handle(std::move(message), context);
};

template <class A, class M>
consteval Sentence explain_refusal() {
  constexpr auto actor = raw_type_name<A>();
  constexpr auto message = raw_type_name<M>();
  if constexpr (!std::move_constructible<M>)
    return Sentence("coerce: ", message, " cannot be moved, as a message must be");
  else if constexpr (is_result<MessageResult<M>>)
    return Sentence("coerce: the Result of ", message, " is a coerce::Result: name what is in it");
  else if constexpr (!Message<M>)
    return Sentence("coerce: ", message, " is no type for a message");
  else if constexpr (HandlesExactly<A, M>)
    return Sentence("coerce: handle() of ", actor, " returns ",
                    raw_type_name<typename Unwrapped<HandlerReturn<A, M>>::type>(),
                    ", but the Result of ", message, " is ", raw_type_name<MessageResult<M>>());
  else if constexpr (TakesContextByValue<A, M>)
    return Sentence("coerce: handle() of ", actor,
                    " takes the context by value: write ActorContext&");
  else if constexpr (LacksContext<A, M>)
    return Sentence("coerce: handle() of ", actor, " lacks the context: write handle(", message,
                    ", ActorContext&)");
  else if constexpr (TakesNonConst<A, M>)
    return Sentence("coerce: handle() of ", actor, " takes ", message, "& and may take ", message,
                    " or const ", message, "&");
  else if constexpr (TakesConverted<A, M>)
    return Sentence("coerce: handle() of ", actor, " takes no ", message,
                    " but something that it converts to: the type must match");
  else
    return Sentence("coerce: ", actor, " has no public handle(", message, ", ActorContext&)");
}

// What a reason is made of: a type, because no pointer to a consteval function is an argument.

/// Why `Handler<A, M>` is false.
template <class A, class M>
struct Unhandled {
  static consteval Sentence sentence() { return explain_refusal<A, M>(); }
};
/// Why a Receiver of M takes no T.
template <class M, class T>
struct OtherMessage {
  static consteval Sentence sentence() {
    return Sentence("coerce: a Receiver of ", raw_type_name<M>(), " takes no ", raw_type_name<T>());
  }
};
/// Why a Timer takes no M, which its actor handles.
template <class M>
struct Uncopied {
  static consteval Sentence sentence() {
    return Sentence("coerce: a Timer delivers copies of its message, but ", raw_type_name<M>(),
                    " cannot be copied");
  }
};

/// Why an ActorRef runs no function in its actor.
struct CodeDoesNotTravel {
  static consteval Sentence sentence() {
    return Sentence("coerce: exec() needs an actor of this process: unwrap_local() the reference");
  }
};

template <class Why, std::size_t... Size>
consteval auto lines_of_reason() {
  Because<Size...> because{};
  write_lines(because, Why::sentence(), 0);
  return because;
}
template <class Why, std::size_t... Line>
consteval auto reason_of(std::index_sequence<Line...>) {
  constexpr Sentence sentence = Why::sentence();
  return lines_of_reason<Why, (sentence.begin_of(Line + 1) - sentence.begin_of(Line) + 1)...>();
}
template <class Why>
inline constexpr auto kReasonOf =
    reason_of<Why>(std::make_index_sequence<Why::sentence().lines()>());

/// The reason as a template argument; nothing for a message that is handled.
template <class A, class M>
inline constexpr auto kReason = kReasonOf<Unhandled<A, M>>;
template <class A, class M>
  requires Handler<A, M>
inline constexpr auto kReason<A, M> = 0;
template <class M, class T>
inline constexpr auto kOtherReason = kReasonOf<OtherMessage<M, T>>;
template <class M>
inline constexpr auto kOtherReason<M, M> = 0;
template <class M>
inline constexpr auto kUncopiedReason = kReasonOf<Uncopied<M>>;
template <std::copy_constructible M>
inline constexpr auto kUncopiedReason<M> = 0;

/// The verbs of a reference, with a message that its actor does not handle.
/// What is awaited has a type that can be, so that the compiler complains once.
template <class A>
class Refusing {
 public:
  template <int = 0, class M, auto because = kReason<A, std::remove_cvref_t<M>>>
    requires(!Handler<A, std::remove_cvref_t<M>>)
  void notify(M&&) const = delete;
  template <class M, class... Args, auto because = kReason<A, M>>
    requires(!Handler<A, M>)
  void notify(Args&&...) const = delete;

  template <int = 0, class M, auto because = kReason<A, std::remove_cvref_t<M>>>
    requires(!Handler<A, std::remove_cvref_t<M>>)
  void notify_from(ActorContext&, M&&) const = delete;

  template <int = 0, class M, auto because = kReason<A, std::remove_cvref_t<M>>>
    requires(!Handler<A, std::remove_cvref_t<M>>)
  void scheduled_notify(M&&, Duration) const = delete;
  template <class M, class... Args, auto because = kReason<A, M>>
    requires(!Handler<A, M>)
  void scheduled_notify(Duration, Args&&...) const = delete;

  template <int = 0, class M, class... More, auto because = kReason<A, std::remove_cvref_t<M>>>
    requires(!Handler<A, std::remove_cvref_t<M>>)
  Task<bool> send(M&&, More&&...) const = delete;
  template <class M, class... Args, auto because = kReason<A, M>>
    requires(!Handler<A, M>)
  Task<bool> send(Args&&...) const = delete;
  template <class M, class... Args, auto because = kReason<A, M>>
    requires(!Handler<A, M>)
  Task<bool> send_for(Args&&...) const = delete;

  template <class M, class... More, auto because = kReason<A, std::remove_cvref_t<M>>>
    requires(!Handler<A, std::remove_cvref_t<M>>)
  void send_blocking(M&&, More&&...) const = delete;
  template <class M, class Sender, auto because = kReason<A, std::remove_cvref_t<M>>>
    requires(!Handler<A, std::remove_cvref_t<M>>)
  void deliver(M&&, Sender&&) const = delete;
  template <class M, class Token, auto because = kReason<A, std::remove_cvref_t<M>>>
    requires(!Handler<A, std::remove_cvref_t<M>>)
  void async_send(M&&, Token&&) const = delete;
};

/// The same of a pool of workers.
template <class W>
class RefusingDispatch {
 public:
  template <int = 0, class M, auto because = kReason<W, std::remove_cvref_t<M>>>
    requires(!Handler<W, std::remove_cvref_t<M>>)
  Task<bool> dispatch(M&&) const = delete;
  template <class M, class... Args, auto because = kReason<W, M>>
    requires(!Handler<W, M>)
  Task<bool> dispatch(Args&&...) const = delete;
};

/// The verbs of a Receiver of M, with another message.
template <class M>
class RefusingOthers {
 public:
  template <int = 0, class T, auto because = kOtherReason<M, std::remove_cvref_t<T>>>
    requires(!std::same_as<std::remove_cvref_t<T>, M>)
  void notify(T&&) const = delete;
  template <class T, class... Args, auto because = kOtherReason<M, T>>
    requires(!std::same_as<T, M>)
  void notify(Args&&...) const = delete;
  template <class T, auto because = kOtherReason<M, std::remove_cvref_t<T>>>
    requires(!std::same_as<std::remove_cvref_t<T>, M>)
  void notify_from(ActorContext&, T&&) const = delete;
  template <int = 0, class T, class... More, auto because = kOtherReason<M, std::remove_cvref_t<T>>>
    requires(!std::same_as<std::remove_cvref_t<T>, M>)
  Task<bool> send(T&&, More&&...) const = delete;
  template <class T, class... Args, auto because = kOtherReason<M, T>>
    requires(!std::same_as<T, M>)
  Task<bool> send(Args&&...) const = delete;
  template <class T, class... Args, auto because = kOtherReason<M, T>>
    requires(!std::same_as<T, M>)
  Task<bool> send_for(Args&&...) const = delete;
};

}  // namespace coerce::detail
