#include "interleaving_cell.hpp"

#include <catch2/catch.hpp>

namespace coerce::interleaving::cell {

using detail::ControlWord;

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

using Control = ControlWord<SystemMessage, ModelAtomics>;

TEST_CASE("merging equal states loses no interleaving of a unit", "[interleaving][control]") {
  require_merging_to_be_exact<Posting<Cell<Control>, 1, 1, 1>>();
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

}  // namespace coerce::interleaving::cell
