#include <coerce/runtime/detail/control_word.hpp>

#include "interleaving.hpp"

#include <catch2/catch.hpp>
#include <cstdint>

namespace coerce::interleaving::control {

using detail::ControlPush;
using detail::ControlWord;

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

using Word = ControlWord<Node, ModelAtomics>;

TEST_CASE("merging equal states loses no interleaving of a control word",
          "[interleaving][control]") {
  require_merging_to_be_exact<Closing<Word, 1, 1, 3>>();
}

TEST_CASE("a control word hands out every node once, oldest first, or refuses it when closed",
          "[interleaving][control]") {
  require_holds<Closing<Word, 1, 1, 3>>("take, close; 3 pushes");
  require_holds<Closing<Word, 1, 2, 2>>("take, close; 2 pushes each of 2 threads");
}

TEST_CASE("planted bug: closing by a load and a store loses a system message",
          "[interleaving][control]") {
  require_found<Closing<ControlWord<Node, SplitExchange>, 0, 1, 1>>(
      "closing in two steps", "each node is taken or refused, once");
}

}  // namespace coerce::interleaving::control
