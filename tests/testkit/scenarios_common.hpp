/// \file
/// What the scenarios share. Whatever actors and tasks write to is held by a shared_ptr: when a
/// scenario fails they outlive its local variables.

#pragma once

#include <coerce/actor.hpp>
#include <coerce/testkit/probe.hpp>
#include <coerce/testkit/test_system.hpp>

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coerce::test::scenarios {

using namespace std::chrono_literals;
using testkit::TestSystem;

/// One of the numbered messages of a sender.
struct Item {
  static constexpr std::string_view type_name = "Item";
  int sender;
  int number;
};

/// What the senders sent and what the receiver got.
struct Ledger {
  std::map<int, int> accepted;  ///< by sender, numbers from 0
  std::vector<Item> handled;
  bool refused_in_between = false;  ///< an item was accepted after another had been refused
};
using SharedLedger = std::shared_ptr<Ledger>;

template <class A>
Task<void> send_items(LocalActorRef<A> to, SharedLedger ledger, int sender, int count) {
  bool refused = false;
  for (int number = 0; number < count; ++number) {
    const Result<void> sent = to.notify(Item{sender, number});
    if (sent) {
      ++ledger->accepted[sender];
      ledger->refused_in_between |= refused;
    }
    refused = !sent;
    co_await yield();
  }
}

/// Each sender's first messages, as many as `accepted` says, once and in order.
inline void check_all_handled_in_order(TestSystem& test, const Ledger& ledger) {
  std::map<int, int> handled;
  for (const Item& item : ledger.handled)
    test.check(item.number == handled[item.sender]++,
               fmt::format("item {} of sender {} came in its turn", item.number, item.sender));
  test.check(!ledger.refused_in_between, "what comes after a refused item is refused too");
  for (const auto& [sender, accepted] : ledger.accepted)
    test.check(handled[sender] == accepted,
               fmt::format("{} items of sender {} were accepted, {} handled", accepted, sender,
                           handled[sender]));
}

struct Fail {
  static constexpr std::string_view type_name = "Fail";
};

[[noreturn]] inline void throw_failure() { throw std::runtime_error("asked to fail"); }

}  // namespace coerce::test::scenarios
