#include <coerce/runtime/detail/parking.hpp>

#include "interleaving.hpp"

#include <catch2/catch.hpp>

using namespace coerce::test;
using coerce::detail::Parking;

namespace parking_scenarios {

enum class Bug : std::uint8_t { None, NoSecondLook, WakesFirst, NoHandOn, NoLookAtStop };

/// Producers publish pieces of work, workers search, park and are woken, as in WorkerThread::run and
/// park and in SchedulerCore::inject, wake_if_needed and stop. Whoever takes the last piece stops
/// everybody. So a worker that sleeps for ever was not woken for work or not for the stop.
template <int Producers, int Each, int Workers, Bug Planted = Bug::None>
struct Pool {
  static constexpr int kThreads = Producers + Workers;
  static constexpr int kPieces = Producers * Each;

  void thread(int id) {
    if (id >= Workers) {
      for (int i = 0; i < Each; ++i) {
        model::at(i);
        publish();
      }
    } else {
      work_until_stopped(id);
    }
  }
  void at_end() {
    check(work.load() == 0 && handled == kPieces, "all work is done");
    check(stopping.load(), "the workers were stopped");
  }

  void publish() {
    if (Planted == Bug::WakesFirst) wake_if_needed();
    work.fetch_add(1);
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
        if (stopping.load()) return;
        park(self);
        model::at(1);
      }
      const bool last = parking.search_end();
      if (last && Planted != Bug::NoHandOn) wake_if_needed();
      handle();
    }
  }
  bool take() {
    int found = work.load();
    while (found > 0)
      if (work.compare_exchange_weak(found, found - 1)) return true;
    return false;
  }
  void handle() {
    check(++handled <= kPieces, "no work is done twice");
    if (done.fetch_add(1) + 1 < kPieces) return handle_for_long();
    stop();
  }
  virtual void handle_for_long() {}
};

}  // namespace parking_scenarios
