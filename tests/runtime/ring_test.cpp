#include "runtime/ring.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace coerce::test::ring_cases {
namespace {

using detail::Runnable;
using detail::WorkRing;

struct Item : Runnable {
  explicit Item(int n = 0) noexcept : Runnable(nullptr), number(n) {}
  int number;
  std::atomic<int> taken{0};
};

std::vector<std::unique_ptr<Item>> make_items(int count) {
  std::vector<std::unique_ptr<Item>> items;
  for (int i = 0; i < count; ++i) items.push_back(std::make_unique<Item>(i));
  return items;
}

int number_of(const Runnable* runnable) {
  return runnable != nullptr ? static_cast<const Item*>(runnable)->number : -1;
}

TEST_CASE("a ring gives to its owner what came first", "[ring]") {
  const auto items = make_items(5);
  WorkRing ring;
  CHECK(ring.empty());
  CHECK(ring.pop() == nullptr);
  for (const auto& item : items) CHECK(ring.push(*item));
  CHECK_FALSE(ring.empty());
  for (int i = 0; i < 5; ++i) CHECK(number_of(ring.pop()) == i);
  CHECK(ring.pop() == nullptr);
  CHECK(ring.empty());
}

TEST_CASE("a full ring refuses, and takes again when one has gone", "[ring]") {
  Item item;
  WorkRing ring;
  std::size_t pushed = 0;
  while (pushed <= WorkRing::kCapacity && ring.push(item)) ++pushed;
  CHECK(pushed == WorkRing::kCapacity);
  CHECK(ring.pop() == &item);
  CHECK(ring.push(item));
  CHECK_FALSE(ring.push(item));
}

TEST_CASE("a ring keeps its order over many turns", "[ring]") {
  const auto items = make_items(700);
  WorkRing ring;
  std::size_t wrong = 0;
  for (int turn = 0; turn < 20; ++turn) {
    for (const auto& item : items) wrong += ring.push(*item) ? 0U : 1U;
    for (int i = 0; i < 700; ++i) wrong += number_of(ring.pop()) == i ? 0U : 1U;
  }
  CHECK(wrong == 0);
}

TEST_CASE("a thief takes the older half and leaves the rest", "[ring]") {
  const auto items = make_items(10);
  WorkRing victim;
  WorkRing thief;
  for (const auto& item : items) (void)victim.push(*item);
  CHECK(number_of(victim.steal_into(thief)) == 0);
  for (int i = 1; i < 5; ++i) CHECK(number_of(thief.pop()) == i);
  CHECK(thief.empty());
  for (int i = 5; i < 10; ++i) CHECK(number_of(victim.pop()) == i);
  CHECK(victim.empty());
}

TEST_CASE("a thief takes the last one, and finds nothing in an empty ring", "[ring]") {
  Item item;
  WorkRing victim;
  WorkRing thief;
  (void)victim.push(item);
  CHECK(victim.steal_into(thief) == &item);
  CHECK(thief.empty());
  CHECK(victim.steal_into(thief) == nullptr);
}

TEST_CASE("half of a full ring can be stolen", "[ring]") {
  const auto items = make_items(static_cast<int>(WorkRing::kCapacity));
  WorkRing victim;
  WorkRing thief;
  for (const auto& item : items) (void)victim.push(*item);
  CHECK(number_of(victim.steal_into(thief)) == 0);
  int moved = 1;
  while (const Runnable* runnable = thief.pop()) CHECK(number_of(runnable) == moved++);
  CHECK(moved == static_cast<int>(WorkRing::kCapacity / 2));
}

TEST_CASE("an owner and two thieves take every item exactly once", "[ring]") {
  constexpr int count = 200'000;
  std::vector<Item> items(count);
  WorkRing ring;
  std::atomic<bool> ended{false};

  const auto take = [](Runnable* runnable) {
    if (runnable == nullptr) return false;
    static_cast<Item*>(runnable)->taken.fetch_add(1, std::memory_order_relaxed);
    return true;
  };
  const auto steal = [&] {
    WorkRing own;
    for (bool last_look = false;;) {
      if (take(ring.steal_into(own))) {
        while (take(own.pop())) {
        }
      } else if (last_look) {
        return;
      } else {
        last_look = ended.load(std::memory_order_acquire);
        std::this_thread::yield();
      }
    }
  };
  std::thread first(steal);
  std::thread second(steal);
  for (Item& item : items) {
    while (!ring.push(item)) (void)take(ring.pop());
    if (reinterpret_cast<std::uintptr_t>(&item) / sizeof(Item) % 3 == 0) (void)take(ring.pop());
  }
  while (take(ring.pop())) {
  }
  ended.store(true, std::memory_order_release);
  first.join();
  second.join();

  std::size_t wrong = 0;
  for (const Item& item : items) wrong += item.taken.load() == 1 ? 0U : 1U;
  CHECK(wrong == 0);
  CHECK(ring.empty());
}

}  // namespace
}  // namespace coerce::test::ring_cases
