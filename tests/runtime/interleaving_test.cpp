#include "interleaving.hpp"

#include <catch2/catch.hpp>

namespace coerce::interleaving::checker {

// The checker itself: what it counts is known, and it finds what every textbook knows.

template <int Threads, int Operations>
struct Counting {
  static constexpr int kThreads = Threads;
  void thread(int) {
    for (int i = 0; i < Operations; ++i) counter.fetch_add(1);
  }
  void at_end() { check(counter.load() == Threads * Operations, "an addition was lost"); }

  ModelAtomic<int> counter;
};

struct LostUpdate {
  static constexpr int kThreads = 2;
  void thread(int) { counter.store(counter.load() + 1); }
  void at_end() { check(counter.load() == 2, "an addition was lost"); }

  ModelAtomic<int> counter;
};

// Dekker: each says that it comes, then looks whether the other does.
template <bool LooksFirst>
struct Dekker {
  static constexpr int kThreads = 2;
  void thread(int id) {
    const int other = 1 - id;
    if (LooksFirst) sees[id] = coming[other].load() != 0;
    coming[id].store(1);
    if (!LooksFirst) sees[id] = coming[other].load() != 0;
  }
  void at_end() { check(sees[0] || sees[1], "neither sees the other"); }

  ModelAtomic<int> coming[2];
  bool sees[2] = {};
};

template <bool Signals>
struct Waiting {
  static constexpr int kThreads = 2;
  void thread(int id) {
    if (id == 0) {
      unsigned spins = 0;
      while (signal.load() == 0) ModelAtomics::wait_step(spins);
    } else {
      signal.store(Signals ? 1 : 0);
    }
  }
  void at_end() {}

  ModelAtomic<int> signal;
};

// Plain memory makes a difference between states in which all atomics are equal.
struct PlainMemory {
  static constexpr int kThreads = 3;
  void thread(int id) {
    (void)word.load();
    last = id;
    (void)word.load();
    if (last == id) ++undisturbed;
    (void)word.load();
  }
  void at_end() { check(undisturbed > 0, "somebody was the last to write"); }

  ModelAtomic<int> word;
  int last = -1;
  int undisturbed = 0;
};

TEST_CASE("the model checker counts every interleaving of independent operations once",
          "[interleaving]") {
  REQUIRE(explore<Counting<2, 1>>(Merge::Nothing).interleavings == 2);
  REQUIRE(explore<Counting<2, 3>>(Merge::Nothing).interleavings == 20);    // 6! / (3! 3!)
  REQUIRE(explore<Counting<3, 2>>(Merge::Nothing).interleavings == 90);    // 6! / (2! 2! 2!)
  REQUIRE(explore<Counting<3, 3>>(Merge::Nothing).interleavings == 1680);  // 9! / (3! 3! 3!)
  REQUIRE(explore<Counting<3, 2>>(Merge::Nothing).runs == 90);
}

TEST_CASE("merging equal states loses no interleaving", "[interleaving]") {
  require_merging_to_be_exact<Counting<3, 3>>();
  require_merging_to_be_exact<Dekker<false>>();
  require_merging_to_be_exact<Waiting<true>>();
  require_merging_to_be_exact<PlainMemory>();
  REQUIRE(explore<PlainMemory>().runs < 1680);
}

TEST_CASE("the model checker finds an update that is lost between load and store",
          "[interleaving]") {
  require_found<LostUpdate>("load and store", "an addition was lost");
}

TEST_CASE("the model checker knows that of two who announce themselves and look one sees the other",
          "[interleaving]") {
  require_holds<Dekker<false>>("Dekker");
  require_found<Dekker<true>>("Dekker, looking first", "neither sees the other");
}

TEST_CASE("the model checker finds threads that wait for ever", "[interleaving]") {
  require_holds<Waiting<true>>("a signal");
  require_found<Waiting<false>>("no signal", kStuck);
}

}  // namespace coerce::interleaving::checker
