#include <coerce/runtime/detail/control_word.hpp>

#include "interleaving.hpp"

#include <catch2/catch.hpp>
#include <coerce/runtime/detail/mailbox.hpp>
#include <cstdint>
#include <span>
#include <utility>

using namespace coerce::test;
using coerce::detail::ControlPush;
using coerce::detail::ControlWord;
using coerce::detail::LanePush;
using coerce::detail::MailboxLane;

namespace control_scenarios {

enum class Kind : std::uint8_t { Message, Kick, Noop, System, Stop, Completion };

struct alignas(8) Node {
  ModelAtomic<Node*> next;
  Kind kind = Kind::Message;
  std::uint8_t id = 0;      // for model::at()
  std::uint8_t handled = 0;
  std::uint8_t refused = 0;
};

enum class KickSeen : std::uint8_t { BeforeLooking, AfterLooking };

// The protocols of Unit::wake, Unit::run_control and of class Cell: post, run_cell, keep_owned,
// begin_stop, close. Whoever has to schedule the unit runs it at once.
template <class Control, KickSeen Seen = KickSeen::BeforeLooking>
struct Cell {
  Cell() noexcept = default;
  /// A handler waits for completions; run() has yet to be called.
  Cell(Node& message, std::uint8_t completions) noexcept
      : lane(&message), awaited(completions), in_progress(true) {
    message.handled = 1;
  }

  // ---- by anybody

  void post(Node& node) {
    switch (control.push(&node)) {
      case ControlPush::Closed: ++node.refused; return;
      case ControlPush::BecameOwner: run(node.id); return;
      case ControlPush::Queued: return;
      case ControlPush::KickNeeded: break;
    }
    send(make(Kind::Kick, node.id));
  }
  void send(Node& node) {
    switch (lane.push(&node)) {
      case LanePush::Queued: break;
      case LanePush::BecameOwner: run(node.id); break;
      case LanePush::Closed: lane.reject_closed([](Node* rejected) { ++rejected->refused; }); break;
    }
  }
  void wake(Node& node) {
    if (control.try_take_suspended()) {
      check(completion == nullptr, "one completion is handed over at a time");
      completion = &node;
      run(node.id);
    } else if (control.push_completion(&node) == ControlPush::BecameOwner) {
      run(node.id);
    }
  }

  // ---- by the owner

  void run(int id) {
    check(!owned, "one owner at a time");
    owned = true;
    run_owned(id);
    owned = false;  // in the same step as the operation that gave it away
  }
  void run_owned(int id) {
    for (;;) {
      model::at(-id);
      if (completion != nullptr || control.has_nodes()) run_control();
      if (awaited > 0) {
        if (control.suspend()) return;
        continue;
      }
      if (!std::exchange(in_progress, false)) {
        if (stopping) return close();
        if (stop) {
          begin_stop(id);
          continue;
        }
        dispatch(*lane.front());
      }
      if (stop && !lane.has_next()) lane.push(&make(Kind::Noop, id));
      if (lane.pop_or_idle() == nullptr) return;
    }
  }
  void dispatch(Node& front) {
    handle(front);
    if (front.kind != Kind::Kick) return;
    if (Seen == KickSeen::BeforeLooking) control.kick_seen();
    run_control();
    if (Seen == KickSeen::AfterLooking) control.kick_seen();
  }
  void run_control() {
    if (completion != nullptr) handle(*std::exchange(completion, nullptr));
    if (control.has_nodes()) each(control.take(), [this](Node& node) { handle(node); });
  }
  void handle(Node& node) {
    check(owned, "only the owner handles");
    check(++node.handled == 1, "each node is handled once");
    if (node.kind == Kind::Completion) --awaited;
    if (node.kind == Kind::Stop) stop = true;
  }
  void begin_stop(int id) {
    stopping = true;
    Node& last = make(Kind::Noop, id);
    lane.push(&last);
    for (Node* front = lane.front(); front != &last; front = lane.front()) {
      if (front->kind == Kind::Kick) control.kick_seen();
      lane.pop_or_idle();
      ++front->refused;
    }
  }
  void close() {
    for (Node* front = lane.front(); front != nullptr;) {
      Node* rejected = front;
      front = lane.pop_or_close();
      ++rejected->refused;
    }
    each(control.close(), [](Node& node) { ++node.refused; });
    closed = true;
  }

  // ---- tools

  Node& make(Kind kind, int id) {
    check(made_count < kMaxMade, "kicks do not pile up");
    Node& node = made[made_count++];
    node.kind = kind;
    node.id = static_cast<std::uint8_t>(id);
    return node;
  }
  template <class Do>
  static void each(Node* list, Do&& act) {
    while (list != nullptr) {
      Node& node = *list;
      list = node.next.load(std::memory_order_relaxed);
      act(node);
    }
  }
  void check_settled(const Node& node) const {
    check(node.handled + node.refused == 1, "each node is handled or refused once");
    check(closed || node.refused == 0, "nothing is refused while the unit lives");
  }
  void check_at_rest() const {
    check(awaited == 0, "no completion is lost");
    for (std::uint8_t i = 0; i < made_count; ++i) check_settled(made[i]);
    check(!owned, "nobody owns the unit");
    check(!control.has_nodes(), "the system lane is drained");
    check(closed ? lane.is_closed() : lane.is_idle(), "the user lane is idle or closed");
  }

  static constexpr int kMaxMade = 6;

  MailboxLane<Node, ModelAtomics> lane;
  Control control;
  Node made[kMaxMade];
  Node* completion = nullptr;
  std::uint8_t made_count = 0;
  std::uint8_t awaited = 0;   // completions that the handler waits for
  bool in_progress = false;   // a handler
  bool stop = false;
  bool stopping = false;
  bool closed = false;
  bool owned = false;
};

/// Thread 0 sends messages; each of the others posts system messages.
template <class Unit, int Messages, int Posters, int Each, Kind First = Kind::System>
struct Posting {
  static constexpr int kThreads = 1 + Posters;

  Posting() noexcept {
    std::uint8_t id = 0;
    for (auto& message : messages) message.id = ++id;
    for (auto& of_poster : posted)
      for (auto& node : of_poster) {
        node.kind = Kind::System;
        node.id = ++id;
      }
    posted[0][0].kind = First;
  }
  void thread(int id) {
    for (auto& node : id == 0 ? std::span<Node>(messages) : std::span<Node>(posted[id - 1])) {
      model::at(node.id);
      if (id == 0)
        unit.send(node);
      else
        unit.post(node);
    }
  }
  void at_end() {
    for (const auto& message : messages) unit.check_settled(message);
    for (const auto& of_poster : posted)
      for (const auto& node : of_poster) unit.check_settled(node);
    unit.check_at_rest();
    check(unit.closed == (First == Kind::Stop), "the unit ends when it is stopped");
  }

  Unit unit;
  Node messages[Messages];
  Node posted[Posters][Each];
};

/// Thread 0 sends a message whose handler waits for completions, each of which comes from a thread of
/// its own; one more thread posts system messages.
template <class Unit, int Completions, int Posts>
struct Suspending {
  static constexpr int kThreads = 1 + Completions + (Posts > 0 ? 1 : 0);

  Suspending() noexcept {
    std::uint8_t id = message.id = 1;
    for (auto& node : completions) {
      node.kind = Kind::Completion;
      node.id = ++id;
    }
    for (auto& node : posted) {
      node.kind = Kind::System;
      node.id = ++id;
    }
  }
  void thread(int id) {
    if (id == 0) {
      unit.run(message.id);
    } else if (id <= Completions) {
      unit.wake(completions[id - 1]);
    } else {
      for (auto& node : posted) {
        model::at(node.id);
        unit.post(node);
      }
    }
  }
  void at_end() {
    unit.check_at_rest();
    unit.check_settled(message);
    for (const auto& node : completions) unit.check_settled(node);
    for (const auto& node : posted) unit.check_settled(node);
  }

  Node message;
  Node completions[Completions];
  Node posted[Posts];
  Unit unit{message, Completions};
};

/// The word alone: thread 0 takes what is there, `Takes` times, and closes; the others push.
template <class Control, int Takes, int Pushers, int Each>
struct Closing {
  static constexpr int kThreads = 1 + Pushers;

  Closing() noexcept {
    for (auto& of_pusher : nodes)
      for (std::uint8_t i = 0; i < Each; ++i) of_pusher[i].id = static_cast<std::uint8_t>(i + 1);
  }
  void thread(int id) {
    if (id == 0) {
      for (int i = 0; i < Takes; ++i) take(control.take());
      take(control.close());
      return;
    }
    for (Node& node : nodes[id - 1]) {
      model::at(node.id);
      switch (control.push(&node)) {
        case ControlPush::Closed: ++node.refused; break;
        case ControlPush::Queued: break;
        case ControlPush::KickNeeded: ++kicks; break;
        case ControlPush::BecameOwner: check(false, "nobody becomes owner of what has one");
      }
    }
  }
  void take(Node* list) {
    for (auto& newest : newest_taken) newest = 0;
    while (list != nullptr) {
      Node& node = *list;
      list = node.next.load();
      ++node.handled;
      auto& newest = newest_taken[&node >= nodes[Pushers - 1] ? Pushers - 1 : 0];
      check(newest < node.id, "the oldest comes first");
      newest = node.id;
    }
  }
  void at_end() {
    for (const auto& of_pusher : nodes)
      for (const Node& node : of_pusher)
        check(node.handled + node.refused == 1, "each node is taken or refused once");
    check(kicks <= 1, "one kick is enough until it is seen");
  }

  Control control;
  Node nodes[Pushers][Each];
  std::uint8_t newest_taken[Pushers] = {};
  std::uint8_t kicks = 0;
};

/// Planted bug: trusts that whoever holds the unit will notice by itself.
struct CompletionForgotten : ControlWord<Node, ModelAtomics> {
  ControlPush push_completion(Node*) noexcept { return ControlPush::Queued; }
};

}  // namespace control_scenarios

using namespace control_scenarios;
using Control = ControlWord<Node, ModelAtomics>;

TEST_CASE("a system message that races an actor going idle is handled once, by one owner",
          "[interleaving][control]") {
  require_holds<Posting<Cell<Control>, 1, 1, 1>>("1 message, 1 system message");
  require_holds<Posting<Cell<Control>, 1, 1, 2>>("1 message, 2 system messages");
  require_holds<Posting<Cell<Control>, 2, 1, 2>>("2 messages, 2 system messages");
  require_holds<Posting<Cell<Control>, 1, 2, 1>>("1 message, 2 system messages of 2 threads");
}

TEST_CASE("a suspended actor is resumed by completions and system messages, none of which is lost",
          "[interleaving][control]") {
  require_holds<Suspending<Cell<Control>, 1, 1>>("1 completion, 1 system message");
  require_holds<Suspending<Cell<Control>, 1, 2>>("1 completion, 2 system messages");
  require_holds<Suspending<Cell<Control>, 2, 1>>("2 completions, 1 system message");
}

TEST_CASE("what is posted to an actor that is stopped is handled or refused, once",
          "[interleaving][control]") {
  require_holds<Posting<Cell<Control>, 1, 1, 2, Kind::Stop>>("1 message, stop, 1 system message");
  require_holds<Posting<Cell<Control>, 1, 2, 1, Kind::Stop>>("1 message, stop beside 1 system message");
}

TEST_CASE("a control word hands out every node once, or refuses it when it is closed",
          "[interleaving][control]") {
  require_holds<Closing<Control, 1, 1, 3>>("take, close, 3 pushes");
  require_holds<Closing<Control, 1, 2, 2>>("take, close, 2 pushes of 2 threads");
}

TEST_CASE("planted bug: a completion is lost that comes while somebody else holds the unit",
          "[interleaving][control]") {
  require_found<Suspending<Cell<CompletionForgotten>, 1, 1>>("completion forgotten",
                                                             "no completion is lost");
}

TEST_CASE("planted bug: suspending by a store loses a completion", "[interleaving][control]") {
  require_found<Suspending<Cell<ControlWord<Node, OverwritingExchange>>, 1, 1>>(
      "suspend by a store", "no completion is lost");
}

TEST_CASE("planted bug: a system message is lost if a kick is seen after looking",
          "[interleaving][control]") {
  require_found<Posting<Cell<Control, KickSeen::AfterLooking>, 1, 1, 2>>(
      "kick seen too late", "each node is handled or refused once");
}

TEST_CASE("planted bug: closing by a load and a store loses a system message",
          "[interleaving][control]") {
  require_found<Closing<ControlWord<Node, SplitExchange>, 0, 1, 1>>(
      "close in two steps", "each node is taken or refused once");
}
