/// \file
/// A model of a unit that is an actor: its two lanes, and the protocols around them.

#pragma once

#include <coerce/runtime/detail/control_word.hpp>
#include <coerce/runtime/detail/mailbox.hpp>
#include <cstdint>

#include "interleaving.hpp"

namespace coerce::interleaving::cell {

using detail::ControlPush;
using detail::LanePush;
using detail::MailboxLane;

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
  Cell(Message& message, int completions) noexcept : awaited(completions), in_progress(true) {
    lane.begin(&message);
  }

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

}  // namespace coerce::interleaving::cell
