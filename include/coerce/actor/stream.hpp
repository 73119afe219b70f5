/// \file
/// Streams of items that become messages to an actor.

#pragma once

#include <concepts>
#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>

#include <coerce/actor/task_context.hpp>
#include <coerce/runtime/sleep.hpp>

namespace coerce {

struct StreamOptions {
  bool stop_on_stream_end = true;  ///< the actor stops when it has handled the last item
  bool skip_errors = false;  ///< an item that is an error is logged; false: it ends the stream
  /// Items that may be on their way to the actor before it has handled them. From 1 to 4096.
  std::size_t window = 1;
};
static_assert(std::is_trivially_destructible_v<StreamOptions>);

namespace detail {

template <class Next>
struct ItemOf;
template <class T>
struct ItemOf<std::optional<T>> {
  using type = T;
};
template <class T, class E>
struct ItemOf<Result<std::optional<T>, E>> {
  using type = T;
};
template <class S>
using NextOf = std::remove_cvref_t<AwaitResult<decltype(std::declval<S&>().next())>>;

template <class S>
using IteratorOf = decltype(std::begin(std::declval<S&>()));

}  // namespace detail

/// A source of items that come with time: `co_await source.next()` gives std::optional<T> or
/// Result<std::optional<T>, E>; none means the end. It is asked again only after the last answer.
template <class S>
concept AsyncSource = requires(S& source) {
  { source.next() } -> Awaitable;
  typename detail::ItemOf<detail::NextOf<S>>::type;
};

/// What is there at once: anything that a range-based for loop can go through.
template <class S>
concept SyncSource = !AsyncSource<S> && requires(S& source) {
  { std::begin(source) } -> std::input_iterator;
  { std::begin(source) == std::end(source) } -> std::convertible_to<bool>;
};

namespace detail {

template <class S>
struct StreamItem {
  using type = std::iter_value_t<IteratorOf<S>>;
};
template <AsyncSource S>
struct StreamItem<S> {
  using type = typename ItemOf<NextOf<S>>::type;
};

/// The message that a converter makes of an item: M, or std::optional<M>.
template <class Converted>
struct MessageOf {
  using type = Converted;
};
template <class M>
struct MessageOf<std::optional<M>> {
  using type = M;
};

/// Keeps the order, the window and the account of one stream.
class StreamProgress {
 public:
  StreamProgress(Cell& cell, StreamOptions options);  ///< throws std::invalid_argument

  Cell& cell() const noexcept { return *cell_; }
  bool stops_actor() const noexcept { return options_.stop_on_stream_end; }
  /// Is the next item's answer to be awaited, so that no more than a window is on its way?
  bool awaits_next() noexcept;
  bool has_unawaited() const noexcept { return unawaited_ != 0; }
  /// Has the stream gone on for long without giving way to others?
  bool yields() noexcept;
  /// The item is logged and counted. False: the stream ends.
  bool report(std::string_view error) noexcept;
  /// What became of a message. False: the actor has ended.
  bool sent(const ActorRefErr* error, std::string_view message_type) noexcept;

 private:
  WeakCell cell_;
  StreamOptions options_;
  std::size_t unawaited_ = 0;
  std::size_t since_yield_ = 0;
};

std::string exception_text(const std::exception_ptr& error) noexcept;

/// One item, or none at the end, or the text of an error; after an exception nothing more comes.
template <class T>
struct Drawn {
  Drawn() noexcept {}  // no aggregate: GCC 12
  std::optional<T> item;
  std::optional<std::string> error;
  bool broken = false;
};

/// Draws from a range that it owns.
template <class S>
class Source {
 public:
  using T = typename StreamItem<S>::type;

  explicit Source(S source) : source_(std::move(source)) {}
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  Task<Drawn<T>> draw() {
    Drawn<T> drawn;
    try {
      if constexpr (AsyncSource<S>) {
        auto next = co_await source_.next();
        take(next, drawn);
      } else {
        if (!at_)
          at_.emplace(std::begin(source_));
        else if (*at_ != std::end(source_))
          ++*at_;
        if (*at_ != std::end(source_)) drawn.item.emplace(**at_);
      }
    } catch (...) {
      drawn.broken = true;
      drawn.error = exception_text(std::current_exception());
    }
    co_return drawn;
  }

 private:
  static void take(std::optional<T>& next, Drawn<T>& drawn) { drawn.item = std::move(next); }
  template <class E>
  static void take(Result<std::optional<T>, E>& next, Drawn<T>& drawn) {
    if (next)
      drawn.item = std::move(*next);
    else if constexpr (requires { std::string(next.error().to_string()); })
      drawn.error = next.error().to_string();
    else if constexpr (std::is_convertible_v<const E&, std::string_view>)
      drawn.error = std::string(std::string_view(next.error()));
    else
      drawn.error = "an item is an error";
  }

  struct NoIterator {};
  template <class X>
  struct Position {
    using type = std::optional<IteratorOf<X>>;
  };
  template <AsyncSource X>
  struct Position<X> {
    using type = NoIterator;
  };

  S source_;
  [[no_unique_address]] typename Position<S>::type at_;
};

/// Gives one message to the actor. False: it has ended.
template <class A, class M>
Task<bool> feed(const LocalActorRef<A>& actor, StreamProgress& progress, M& message) {
  if (!progress.awaits_next()) {
    const auto notified = actor.notify(std::move(message));
    co_return progress.sent(notified ? nullptr : &notified.error(), type_name_of<M>());
  }
  const auto answer = co_await actor.send(std::move(message));
  co_return progress.sent(answer ? nullptr : &answer.error(), type_name_of<M>());
}

template <class A>
Task<void> stop_after_stream(const LocalActorRef<A>& actor, const StreamProgress& progress) {
  const auto barrier = [](A&) {};
  if (progress.has_unawaited()) (void)co_await actor.exec(barrier);
  (void)actor.notify_stop();
}

template <class A, class S, class F>
Task<void> run_stream(S from, F convert, StreamProgress progress) {
  using T = typename StreamItem<S>::type;
  using Converted = std::remove_cvref_t<std::invoke_result_t<F&, T>>;
  using M = typename MessageOf<Converted>::type;
  const WeakActorRef<A> weak(progress.cell());
  Source<S> source(std::move(from));
  for (;;) {
    Drawn<T> drawn = co_await source.draw();
    std::optional<M> message;
    if (drawn.item) {
      try {
        if constexpr (std::is_same_v<Converted, std::optional<M>>) {
          if (auto made = convert(std::move(*drawn.item))) message.emplace(std::move(*made));
        } else {
          message.emplace(convert(std::move(*drawn.item)));
        }
      } catch (...) {
        drawn.error = exception_text(std::current_exception());
      }
    }
    if (drawn.error && (!progress.report(*drawn.error) || drawn.broken)) break;
    if (!drawn.error && !drawn.item) break;
    if (progress.yields()) (void)co_await yield();
    const std::optional<LocalActorRef<A>> actor = weak.lock();
    if (!actor) co_return;
    if (message) {
      const bool goes_on = co_await feed(*actor, progress, *message);
      if (!goes_on) co_return;
    }
  }
  const std::optional<LocalActorRef<A>> actor = weak.lock();
  if (actor && progress.stops_actor()) co_await stop_after_stream(*actor, progress);
}

void spawn_on_system(Cell& cell, Task<void> task, std::string_view what);

}  // namespace detail

/// Sends what `convert` makes of each item of `source` to the actor, one after the other.
///
/// The source is an AsyncSource or a range; it is copied or moved into the stream. `convert` takes
/// an item and returns a message or a std::optional of one; items that become none are skipped. The
/// stream asks for the next item when the actor has handled the last, or, with a wider window, when
/// no more than a window is unhandled, so a slow actor slows it down. An error that the source or
/// the converter gives is logged, published as a HandlerFailure, and ends the stream, or is
/// skipped; an exception of the source always ends it. A stream that is refused because the system
/// has too many spawned tasks is published in the same way. What the actor answers is ignored. A
/// message that a full mailbox refuses, or the actor's end, is a dead letter; with a bounded
/// mailbox keep the window below its capacity.
///
/// The stream is a task on the actor's system, and runs beside the actor: what it calls must not
/// touch the actor's state. Between items it holds the actor weakly. It ends with the source, and
/// at its next item if the actor has ended or the system shuts down. Any thread. Throws
/// std::invalid_argument for a window out of bounds.
template <class A, class S, class F>
  requires(AsyncSource<std::remove_cvref_t<S>> || SyncSource<std::remove_cvref_t<S>>) &&
          std::invocable<std::decay_t<F>&,
                         typename detail::StreamItem<std::remove_cvref_t<S>>::type>
void attach_stream(const LocalActorRef<A>& actor, S&& source, StreamOptions options, F&& convert) {
  detail::refuse_awaited_temporary<S, F>();
  using Plain = std::remove_cvref_t<S>;
  using Function = std::decay_t<F>;
  using Converted = std::invoke_result_t<Function&, typename detail::StreamItem<Plain>::type>;
  static_assert(Handler<A, typename detail::MessageOf<std::remove_cvref_t<Converted>>::type>,
                "coerce: the actor has no handler for what the converter returns");
  detail::spawn_on_system(*actor.cell(),
                          detail::run_stream<A, Plain, Function>(
                              Plain(std::forward<S>(source)), Function(std::forward<F>(convert)),
                              detail::StreamProgress(*actor.cell(), options)),
                          "stream");
}
/// The same for items that are messages.
template <class A, class S>
  requires(AsyncSource<std::remove_cvref_t<S>> || SyncSource<std::remove_cvref_t<S>>)
void attach_stream(const LocalActorRef<A>& actor, S&& source, StreamOptions options = {}) {
  using T = typename detail::StreamItem<std::remove_cvref_t<S>>::type;
  attach_stream(actor, std::forward<S>(source), options, [](T item) { return item; });
}

}  // namespace coerce
