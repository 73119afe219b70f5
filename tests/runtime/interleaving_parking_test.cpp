#include <coerce/runtime/detail/parking.hpp>

#include "interleaving.hpp"

#include <catch2/catch.hpp>
#include <cstdint>

namespace coerce::interleaving::parking {

using detail::Parking;

enum class Handlers : std::uint8_t { Return, WaitForAllWorkToBegin };
enum class Bug : std::uint8_t { None, NoSecondLook, WakesFirst, NoHandOn, NoLookAtStop };

// The protocols of WorkerThread::run and park and of SchedulerCore::inject, wake_if_needed and
// stop. The worker that begins the last piece of work stops everybody; so a worker that sleeps for
// ever was not woken for work, or not for the stop.
template <int Producers, int Each, int Workers, Handlers Kind = Handlers::Return,
          Bug Planted = Bug::None>
struct Pool {
  static constexpr int kThreads = Producers + Workers;
  static constexpr int kPieces = Producers * Each;

  void thread(int id) {
    if (id < Workers) return work_until_stopped(id);
    for (int i = 0; i < Each; ++i) {
      model::at(i);
      publish();
    }
  }
  void at_end() {
    check(begun.load() == kPieces, "each piece of work is begun, once");
    check(queue.load() == 0, "no work is left");
  }

  void publish() {
    if (Planted == Bug::WakesFirst) wake_if_needed();
    queue.fetch_add(1);
    if (Planted != Bug::WakesFirst) wake_if_needed();
  }
  void wake_if_needed() {
    if (const int worker = parking.to_wake(); worker >= 0) signals[worker].store(true);
  }

  void work_until_stopped(int self) {
    for (;;) {
      model::at(0);
      parking.search_begin();
      while (!take()) {
        model::at(1);
        if (stopping.load()) return;
        park(self);
      }
      model::at(2);
      const bool last = parking.search_end();
      if (last && Planted != Bug::NoHandOn && queue.load() > 0) wake_if_needed();
      handle();
    }
  }
  bool take() {
    model::at(3);
    for (int pieces = queue.load(); pieces > 0;)
      if (queue.compare_exchange_weak(pieces, pieces - 1)) return true;
    return false;
  }
  void park(int self) {
    model::at(4);
    parking.park_begin(self);
    if (!second_look()) {
      model::at(5);
      for (unsigned spins = 0; !signals[self].exchange(false);) ModelAtomics::wait_step(spins);
    }
    model::at(6);
    if (parking.park_cancel(self)) return;
    model::at(7);
    signals[self].exchange(false);
  }
  bool second_look() {
    model::at(8);
    if (Planted != Bug::NoLookAtStop && stopping.load()) return true;
    model::at(9);
    return Planted != Bug::NoSecondLook && queue.load() > 0;
  }
  void handle() {
    model::at(10);
    if (begun.fetch_add(1) + 1 == kPieces) return stop();
    if (Kind == Handlers::Return) return;
    model::at(11);
    for (unsigned spins = 0; begun.load() < kPieces;) ModelAtomics::wait_step(spins);
  }
  void stop() {
    model::at(12);
    stopping.store(true);
    for (int worker; (worker = parking.unpark_any()) >= 0;) {
      signals[worker].store(true);
      model::at(13);
    }
  }

  Parking<ModelAtomics> parking;
  ModelAtomic<int> queue;
  ModelAtomic<int> begun;
  ModelAtomic<bool> stopping;
  ModelAtomic<bool> signals[Workers];
};

// The protocol of SchedulerCore::io_work_started: thread 0 wakes one chosen worker, the driver,
// which has to sleep elsewhere as soon as there is I/O.
struct Driver {
  static constexpr int kThreads = 2;

  void thread(int id) {
    if (id == 0) {
      io_work.fetch_add(1);
      const int chosen = driver.load();
      if (chosen >= 0 && parking.unpark(chosen)) signal.store(true);
      return;
    }
    parking.search_begin();
    while (io_work.load() == 0) {
      int nobody = -1;
      driver.compare_exchange_strong(nobody, 0);
      parking.park_begin(0);
      for (unsigned spins = 0; io_work.load() == 0 && !signal.exchange(false);)
        ModelAtomics::wait_step(spins);
      if (!parking.park_cancel(0)) signal.exchange(false);
      driver.store(-1);
    }
  }
  void at_end() { check(!parking.anybody_parked(), "the driver has woken up"); }

  Parking<ModelAtomics> parking;
  ModelAtomic<int> io_work;
  ModelAtomic<int> driver{-1};
  ModelAtomic<bool> signal;
};

TEST_CASE("merging equal states loses no interleaving of parking", "[interleaving][parking]") {
  require_merging_to_be_exact<Pool<1, 1, 1>>();
  require_merging_to_be_exact<Driver>();
}

TEST_CASE("workers never sleep while there is work and no wake-up under way",
          "[interleaving][parking]") {
  require_holds<Pool<1, 3, 1>>("1 producer of 3 pieces, 1 worker");
  require_holds<Pool<2, 1, 1>>("2 producers of 1 piece, 1 worker");
  require_holds<Pool<1, 2, 2>>("1 producer of 2 pieces, 2 workers");
}

TEST_CASE("work that a searcher leaves over is handed to a sleeping worker",
          "[interleaving][parking]") {
  require_holds<Pool<1, 2, 2, Handlers::WaitForAllWorkToBegin>>("2 workers, handlers wait");
}

TEST_CASE("a chosen worker that falls asleep is woken", "[interleaving][parking]") {
  require_holds<Driver>("driver");
}

TEST_CASE("planted bug: a worker that parks without a second look sleeps beside work",
          "[interleaving][parking]") {
  require_found<Pool<1, 1, 1, Handlers::Return, Bug::NoSecondLook>>("no second look", kStuck);
}

TEST_CASE("planted bug: a producer that wakes before it publishes leaves work lying",
          "[interleaving][parking]") {
  require_found<Pool<1, 1, 1, Handlers::Return, Bug::WakesFirst>>("wakes first", kStuck);
}

TEST_CASE("planted bug: a last searcher that wakes nobody leaves work lying",
          "[interleaving][parking]") {
  require_found<Pool<1, 2, 2, Handlers::WaitForAllWorkToBegin, Bug::NoHandOn>>("no hand-on",
                                                                               kStuck);
}

TEST_CASE("planted bug: a worker that parks without a look at the stop is not stopped",
          "[interleaving][parking]") {
  require_found<Pool<1, 1, 2, Handlers::Return, Bug::NoLookAtStop>>("no look at the stop", kStuck);
}

}  // namespace coerce::interleaving::parking
