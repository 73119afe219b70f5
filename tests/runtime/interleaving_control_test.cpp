#include <coerce/runtime/detail/control_word.hpp>

#include "interleaving.hpp"

#include <catch2/catch.hpp>
#include <coerce/runtime/detail/mailbox.hpp>
#include <cstdint>

using namespace coerce::test;
using coerce::detail::ControlPush;
using coerce::detail::ControlWord;
using coerce::detail::LanePush;
using coerce::detail::MailboxLane;

namespace control_scenarios {

// ── The word alone ──────────────────────────────────────────────────────────────────────────────

struct alignas(8) Node {
  ModelAtomic<Node*> next;
  std::uint8_t pusher = 0;
  std::uint8_t number = 0;  // of its pusher, from 1
  Ghost<int> settled;       // taken or refused
};

/// Thread 0 takes what is there, `Takes` times, and closes; the others push.
template <class Control, int Takes, int Pushers, int Each>
struct Closing {
  static constexpr int kThreads = 1 + Pushers;

  Closing() noexcept {
    for (std::uint8_t pusher = 0; pusher < Pushers; ++pusher)
      for (std::uint8_t i = 0; i < Each; ++i) {
        nodes[pusher][i].pusher = pusher;
        nodes[pusher][i].number = static_cast<std::uint8_t>(i + 1);
      }
  }
  void thread(int id) {
    if (id == 0) {
      for (int i = 0; i < Takes; ++i) settle(control.take());
      settle(control.close());
      return;
    }
    for (Node& node : nodes[id - 1]) {
      model::at(node.number);
      switch (control.push(&node)) {
        case ControlPush::Closed:
          ++node.settled;
          break;
        case ControlPush::Queued:
          break;
        case ControlPush::KickNeeded:
          check(++kicks == 1, "one kick until it is seen");
          break;
        case ControlPush::BecameOwner:
          check(false, "nobody becomes owner of what is owned");
      }
    }
  }
  void settle(Node* list) {
    while (list != nullptr) {
      Node& node = *list;
      check(node.number == newest[node.pusher] + 1, "the oldest comes first");
      newest[node.pusher] = node.number;
      ++node.settled;
      list = node.next.load();
    }
  }
  void at_end() {
    for (const auto& of_pusher : nodes)
      for (const Node& node : of_pusher)
        check(node.settled == 1, "each node is taken or refused, once");
  }

  Control control;
  Node nodes[Pushers][Each];
  Ghost<int> newest[Pushers];
  Ghost<int> kicks;
};

// ── A unit ──────────────────────────────────────────────────────────────────────────────────────

// In the user lane.
enum class Kind : std::uint8_t { Message, Kick, Noop };
struct Message {
  ModelAtomic<Message*> next;
  Kind kind = Kind::Message;
  Ghost<int> handled;
  Ghost<int> refused;

  void handle() noexcept {
    ++handled;
    next.retire();
  }
  void refuse() noexcept {
    ++refused;
    next.retire();
  }
};

// In the system lane.
enum class SystemKind : std::uint8_t { Post, Stop, Completion };
struct alignas(8) SystemMessage {
  Plain<SystemMessage*> next;  // used by one thread at a time, so its use makes no steps here
  SystemKind kind = SystemKind::Post;
  Message kick;  // pushed if one is needed
  Ghost<int> handled;
  Ghost<int> refused;

  void handle() noexcept {
    ++handled;
    next.retire();
  }
  void refuse() noexcept {
    ++refused;
    next.retire();
  }
};

enum class KickSeen : std::uint8_t { BeforeLooking, AfterLooking };

// The protocols of Unit::wake, Unit::run_control and of class Cell: post, run_cell, keep_owned,
// begin_stop, close. Whoever has to schedule the unit runs it at once.
template <class Control, KickSeen Seen = KickSeen::BeforeLooking>
struct Cell {
  Cell() noexcept = default;
  /// A handler waits for completions, but has not suspended yet: call run().
  Cell(Message& message, int completions) noexcept
      : lane(&message), awaited(completions), in_progress(true) {}

  // ---- by anybody; `position` is the caller's for model::at()

  void send(Message& message, int position) {
    switch (lane.push(&message)) {
      case LanePush::Queued:
        break;
      case LanePush::BecameOwner:
        run(position);
        break;
      case LanePush::Closed:
        lane.reject_closed([](Message* rejected) { rejected->refuse(); });
        break;
    }
  }
  void post(SystemMessage& message, int position) {
    switch (control.push(&message)) {
      case ControlPush::Closed:
        message.refuse();
        break;
      case ControlPush::BecameOwner:
        run(position);
        break;
      case ControlPush::Queued:
        break;
      case ControlPush::KickNeeded:
        message.kick.kind = Kind::Kick;
        send(message.kick, position);
        break;
    }
  }
  void wake(SystemMessage& message, int position) {
    if (control.try_take_suspended()) {
      check(completion == nullptr, "one completion is handed over at a time");
      completion = &message;
      run(position);
    } else if (control.push_completion(&message) == ControlPush::BecameOwner) {
      run(position);
    }
  }

  // ---- by the owner

  void run(int position) {
    check(!owned, "one owner at a time");
    owned = true;
    run_owned(position);
    owned = false;  // in the same step as the operation that gave it away
  }
  void run_owned(int position) {
    for (;;) {
      model::at(-position);
      if (completion != nullptr || control.has_nodes()) run_control();
      if (awaited > 0) {
        if (control.suspend()) return;
        continue;
      }
      if (in_progress) {
        in_progress = false;
      } else {
        if (stopping) return close(position);
        if (stop) {
          begin_stop(position);
          continue;
        }
        dispatch(*lane.front());
      }
      if (stop && !lane.has_next()) lane.push(&noop());
      Message& front = *lane.front();
      const bool more = lane.pop_or_idle() != nullptr;
      front.handle();
      if (!more) return;
    }
  }
  void dispatch(Message& front) {
    check(owned && !stopping, "only the owner handles, and only while the unit lives");
    if (front.kind != Kind::Kick) return;
    if (Seen == KickSeen::BeforeLooking) control.kick_seen();
    run_control();
    if (Seen == KickSeen::AfterLooking) control.kick_seen();
  }
  void run_control() {
    if (SystemMessage* message = completion) {
      completion = nullptr;
      handle(*message);
    }
    if (!control.has_nodes()) return;
    each(control.take(), [this](SystemMessage& message) { handle(message); });
  }
  void handle(SystemMessage& message) {
    check(owned, "only the owner handles");
    message.handle();
    if (message.kind == SystemKind::Completion) awaited = awaited - 1;
    if (message.kind == SystemKind::Stop) stop = true;
  }
  void begin_stop(int position) {
    stopping = true;
    lane.push(&noop());
    for (;;) {
      model::at(-position - 10);
      Message& front = *lane.front();
      if (&front == &noops[noop_count - 1]) return;
      if (front.kind == Kind::Kick) control.kick_seen();
      lane.pop_or_idle();
      front.refuse();
    }
  }
  void close(int position) {
    for (bool more = true; more;) {
      model::at(-position - 20);
      Message& rejected = *lane.front();
      more = lane.pop_or_close() != nullptr;
      rejected.refuse();
    }
    each(control.close(), [](SystemMessage& message) { message.refuse(); });
    closed = true;
  }

  Message& noop() {
    check(noop_count < kMaxNoops, "no more messages to itself than needed");
    Message& made = noops[noop_count];
    noop_count = noop_count + 1;
    made.kind = Kind::Noop;
    return made;
  }
  template <class Do>
  static void each(SystemMessage* list, Do&& act) {
    while (list != nullptr) {
      SystemMessage& message = *list;
      list = message.next.load(std::memory_order_relaxed);
      act(message);
    }
  }

  // ---- at the end

  void check_settled(const SystemMessage& message) const {
    check_once(message.handled, message.refused);
  }
  void check_settled(const Message& message) const { check_once(message.handled, message.refused); }
  void check_once(int handled, int refused) const {
    check(handled + refused == 1, "each message is handled or refused, once");
    check(closed || refused == 0, "nothing is refused while the unit lives");
  }
  void check_at_rest() const {
    check(awaited == 0, "no completion is lost");
    for (int i = 0; i < noop_count; ++i) check_settled(noops[i]);
    check(!owned, "nobody owns the unit");
    check(!control.has_nodes(), "the system lane is drained");
    check(closed ? lane.is_closed() : lane.is_idle(), "the user lane is idle or closed");
  }

  static constexpr int kMaxNoops = 3;

  MailboxLane<Message, ModelAtomics> lane;
  Control control;
  Message noops[kMaxNoops];
  Plain<SystemMessage*> completion;
  Plain<int> noop_count;
  Plain<int> awaited;       // completions that the handler waits for
  Plain<bool> in_progress;  // a handler
  Plain<bool> stop;
  Plain<bool> stopping;
  Ghost<bool> closed;
  Ghost<bool> owned;
};

/// Thread 0 sends messages; each of the others posts system messages, the first of which may be a
/// stop.
template <class Unit, int Messages, int Posters, int Each, SystemKind First = SystemKind::Post>
struct Posting {
  static constexpr int kThreads = 1 + Posters;

  Posting() noexcept { posted[0][0].kind = First; }
  void thread(int id) {
    int position = 0;
    if (id == 0) {
      for (auto& message : messages) {
        model::at(++position);
        unit.send(message, position);
      }
    } else {
      for (auto& message : posted[id - 1]) {
        model::at(++position);
        unit.post(message, position);
      }
    }
  }
  void at_end() {
    for (const auto& message : messages) unit.check_settled(message);
    for (const auto& of_poster : posted)
      for (const auto& message : of_poster) unit.check_settled(message);
    unit.check_at_rest();
    check(unit.closed == (First == SystemKind::Stop), "the unit ends when it is stopped");
  }

  Unit unit;
  Message messages[Messages];
  SystemMessage posted[Posters][Each];
};

/// Thread 0 runs a unit whose handler waits for completions, each of which comes from a thread of
/// its own; one more thread posts system messages.
template <class Unit, int Completions, int Posts>
struct Suspending {
  static constexpr int kThreads = 2 + Completions;

  Suspending() noexcept {
    for (auto& message : completions) message.kind = SystemKind::Completion;
  }
  void thread(int id) {
    if (id == 0) {
      unit.run(1);
    } else if (id <= Completions) {
      unit.wake(completions[id - 1], 1);
    } else {
      int position = 0;
      for (auto& message : posted) {
        model::at(++position);
        unit.post(message, position);
      }
    }
  }
  void at_end() {
    unit.check_at_rest();
    unit.check_settled(message_in_progress);
    for (const auto& message : completions) unit.check_settled(message);
    for (const auto& message : posted) unit.check_settled(message);
  }

  Message message_in_progress;
  SystemMessage completions[Completions];
  SystemMessage posted[Posts];
  Unit unit{message_in_progress, Completions};
};

/// Planted bug: the compare-exchange that sets a bit, the one of suspend(), overwrites what it
/// finds.
struct SuspendingByStore : ModelAtomics {
  template <class T>
  struct Atomic : ModelAtomic<T> {
    using ModelAtomic<T>::ModelAtomic;
    bool compare_exchange_strong(T& expected, T desired, std::memory_order,
                                 std::memory_order) noexcept {
      if (desired < expected) return ModelAtomic<T>::compare_exchange_strong(expected, desired);
      this->store(desired);
      return true;
    }
  };
};

/// Planted bug: trusts that whoever holds the unit will notice by itself.
template <class Word>
struct CompletionForgotten : Word {
  ControlPush push_completion(SystemMessage*) noexcept { return ControlPush::Queued; }
};

}  // namespace control_scenarios

using namespace control_scenarios;
using Word = ControlWord<Node, ModelAtomics>;
using Control = ControlWord<SystemMessage, ModelAtomics>;

TEST_CASE("merging equal states loses no interleaving of a control word",
          "[interleaving][control]") {
  require_merging_to_be_exact<Closing<Word, 1, 1, 3>>();
  require_merging_to_be_exact<Posting<Cell<Control>, 1, 1, 1>>();
}

TEST_CASE("a control word hands out every node once, oldest first, or refuses it when closed",
          "[interleaving][control]") {
  require_holds<Closing<Word, 1, 1, 3>>("take, close; 3 pushes");
  require_holds<Closing<Word, 1, 2, 2>>("take, close; 2 pushes each of 2 threads");
}

TEST_CASE("a system message that races an actor going idle is handled once, by one owner",
          "[interleaving][control]") {
  require_holds<Posting<Cell<Control>, 1, 1, 1>>("1 message; 1 post");
  require_holds<Posting<Cell<Control>, 2, 1, 2>>("2 messages; 2 posts");
  require_holds<Posting<Cell<Control>, 1, 2, 1>>("1 message; 1 post each of 2 threads");
}

TEST_CASE("a suspended actor is resumed by completions and system messages, none of which is lost",
          "[interleaving][control]") {
  require_holds<Suspending<Cell<Control>, 1, 1>>("1 completion; 1 post");
  require_holds<Suspending<Cell<Control>, 1, 2>>("1 completion; 2 posts");
  if (kThorough) require_holds<Suspending<Cell<Control>, 2, 1>>("2 completions; 1 post");
}

TEST_CASE("what is posted to an actor that is being stopped is handled or refused, once",
          "[interleaving][control]") {
  require_holds<Posting<Cell<Control>, 1, 1, 2, SystemKind::Stop>>("1 message; stop, 1 post");
  if (kThorough)
    require_holds<Posting<Cell<Control>, 1, 2, 1, SystemKind::Stop>>("1 message; stop; 1 post");
}

TEST_CASE("planted bug: a completion is lost that comes while somebody else holds the unit",
          "[interleaving][control]") {
  require_found<Suspending<Cell<CompletionForgotten<Control>>, 1, 1>>("completion forgotten",
                                                                      "no completion is lost");
}

TEST_CASE("planted bug: suspending by a store loses a completion", "[interleaving][control]") {
  require_found<Suspending<Cell<ControlWord<SystemMessage, SuspendingByStore>>, 1, 1>>(
      "suspending by a store", "no completion is lost");
}

TEST_CASE("planted bug: a system message is lost if a kick is seen after looking",
          "[interleaving][control]") {
  require_found<Posting<Cell<Control, KickSeen::AfterLooking>, 1, 1, 2>>(
      "kick seen too late", "each message is handled or refused, once");
}

TEST_CASE("planted bug: closing by a load and a store loses a system message",
          "[interleaving][control]") {
  require_found<Closing<ControlWord<Node, SplitExchange>, 0, 1, 1>>(
      "closing in two steps", "each node is taken or refused, once");
}
