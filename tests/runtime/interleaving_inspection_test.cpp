#include "runtime/inspection.hpp"

#include "interleaving.hpp"

#include <catch2/catch.hpp>
#include <cstdint>

namespace coerce::interleaving::inspection {

using detail::Onlookers;

enum class Bug : std::uint8_t { None, SignStaysUp, FreesAtOnce, ReadsSignFirst };

// The protocols of Cell::run_messages and free_memory, and of WorkerThread::be_watched: thread 0
// runs the unit and gives it up, thread 1 takes it then and frees it, thread 2 looks at it.
template <Bug Planted = Bug::None>
struct Watched {
  static constexpr int kThreads = 3;

  void thread(int id) {
    if (id == 0) return run();
    if (id == 1) return free();
    look();
  }
  void at_end() { check(freed.load(), "the unit is freed"); }

  void run() {
    if (Planted != Bug::SignStaysUp) sign.store(false);
    given_up.store(true);
    sign.store(false);
  }
  void free() {
    for (unsigned spins = 0; !given_up.load();) ModelAtomics::wait_step(spins);
    if (Planted != Bug::FreesAtOnce) onlookers.await_none();
    freed.store(true);
  }
  void look() {
    if (Planted == Bug::ReadsSignFirst) {
      if (!sign.load()) return;
      onlookers.enter();
    } else {
      onlookers.enter();
      if (!sign.load()) return onlookers.leave();
    }
    check(!freed.load(), "a unit that is looked at is there");
    onlookers.leave();
  }

  Onlookers<ModelAtomics> onlookers;
  ModelAtomic<bool> sign{true};
  ModelAtomic<bool> given_up;
  ModelAtomic<bool> freed;
};

TEST_CASE("merging equal states loses no interleaving of an inspection",
          "[interleaving][inspection]") {
  require_merging_to_be_exact<Watched<>>();
}

TEST_CASE("no unit is freed while a peer looks at it", "[interleaving][inspection]") {
  require_holds<Watched<>>("a runner, one who frees, an onlooker");
}

TEST_CASE("planted bug: a worker whose sign stays up shows a unit that is gone",
          "[interleaving][inspection]") {
  require_found<Watched<Bug::SignStaysUp>>("sign stays up", "a unit that is looked at is there");
}

TEST_CASE("planted bug: who frees without waiting frees what is looked at",
          "[interleaving][inspection]") {
  require_found<Watched<Bug::FreesAtOnce>>("frees at once", "a unit that is looked at is there");
}

TEST_CASE("planted bug: who looks before being counted looks at what is gone",
          "[interleaving][inspection]") {
  require_found<Watched<Bug::ReadsSignFirst>>("reads first", "a unit that is looked at is there");
}

}  // namespace coerce::interleaving::inspection
