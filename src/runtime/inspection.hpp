/// \file
/// Looking at a unit that another worker runs.

#pragma once

#include <atomic>

#include <coerce/runtime/detail/atomics.hpp>

namespace coerce::detail {

/// Those who look at units that others run.
///
/// A worker takes down the sign that shows its unit before it gives the unit up, and whoever frees
/// a unit calls await_none() first. An onlooker is counted before it reads the sign; who frees
/// reads the count after the sign is down; both across a full barrier (Dekker). So either the
/// onlooker sees no sign, or the other one sees the onlooker and waits.
template <class Atomics = StdAtomics>
class Onlookers {
 public:
  void enter() noexcept { count_.fetch_add(1, std::memory_order_seq_cst); }
  void leave() noexcept { count_.fetch_sub(1, std::memory_order_release); }
  void await_none() noexcept {
#if COERCE_TSAN
    // A read-modify-write that changes nothing, since thread sanitizers do not know fences.
    bool any = count_.fetch_add(0, std::memory_order_seq_cst) != 0;
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
    bool any = count_.load(std::memory_order_seq_cst) != 0;
#endif
    for (unsigned spins = 0; any; any = count_.load(std::memory_order_seq_cst) != 0)
      Atomics::wait_step(spins);
  }

 private:
  typename Atomics::template Atomic<int> count_{0};
};

/// Of the process, because cells outlive their systems.
inline constinit Onlookers<> onlookers;
/// Are there schedulers whose workers watch each other? Set before the first of them has a unit, so
/// that processes without one pay no barrier for each unit that they free.
inline constinit std::atomic<bool> onlookers_exist{false};

inline void await_no_onlookers() noexcept {
  if (onlookers_exist.load(std::memory_order_relaxed)) onlookers.await_none();
}

/// While one exists, no unit is freed that some worker shows as the one it runs.
class Inspection {
 public:
  Inspection() noexcept { onlookers.enter(); }
  Inspection(const Inspection&) = delete;
  Inspection& operator=(const Inspection&) = delete;
  ~Inspection() { onlookers.leave(); }
};

}  // namespace coerce::detail
