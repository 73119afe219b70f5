/// \file
/// Runs a few model threads through every sequentially consistent interleaving of their atomic
/// operations.
///
/// A scenario is a struct with everything the threads share, and nothing on the heap:
///
///     struct Scenario {
///       static constexpr int kThreads = 2;
///       void thread(int id);  // what thread `id` does; calls check()
///       void at_end();        // when all have returned; calls check()
///     };
///
/// Each operation on a ModelAtomic is a step, and so is the plain code behind it, up to the next
/// operation. explore() runs the scenario again and again, each time along another schedule, until
/// it has tried every thread at every step or has met a failure: a check that does not hold, or
/// threads that all wait for each other.
///
/// Different schedules often lead to the same state, from where everything would repeat itself.
/// Such a state is followed once, and the interleavings behind it are counted from memory. A state
/// is: the atomics, the other members of the scenario, and of each thread all it has ever observed,
/// which determines its local variables. What it observes: the result of each of its operations and
/// what all plain members contain then. Fewer states differ if members are Plain or Ghost, and if a
/// thread says at() what its local variables depend on. require_merging_to_be_exact() tells whether
/// that was done right.

#pragma once

#include <atomic>
#include <catch2/catch.hpp>
#include <coerce/runtime/detail/atomics.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace coerce::interleaving {

// ── The engine ──────────────────────────────────────────────────────────────────────────────────

/// Thread ids, one for each step.
using Schedule = std::vector<int>;

struct Exploration {
  double interleavings = 0;  ///< complete ones, also those counted from memory
  std::size_t runs = 0;
  std::size_t longest = 0;  ///< steps
  std::string failure;      ///< empty: none
  Schedule schedule;        ///< the one that failed

  std::string describe() const;
};

enum class Merge : std::uint8_t { EqualStates, Nothing };

/// A scenario, as the engine sees it.
class Program {
 public:
  Program() = default;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  virtual ~Program() = default;
  virtual int threads() const = 0;
  virtual void reset() = 0;
  virtual void thread(int id) = 0;
  virtual void at_end() = 0;
  virtual std::span<std::byte> memory() = 0;  ///< of the scenario; whole words
};

Exploration explore(Program& program, Merge merge);
Exploration replay(Program& program, const Schedule& schedule);

/// Called by model threads and at_end(). A failed check ends the exploration; a thread does not
/// return from it.
void check(bool holds, const char* promise);

/// The failure of threads that all wait for each other, as they do after a lost wake-up.
inline constexpr const char* kStuck = "stuck: every thread waits for another";

/// The failure of using what has been retired.
inline constexpr const char* kUsedLate = "used after the end of its life";

namespace model {
inline constexpr std::uint64_t kRetired = 0xdeaddeaddeaddead;
std::uint32_t add_word(std::uint64_t value);
std::uint64_t& word(std::uint32_t index);
/// Around what the calling thread does with a word in one step.
void begin_step();
void end_step(std::uint32_t word, std::uint64_t observed);
void observe(std::uint64_t value);
/// The calling thread takes no step until the word that it used last has another value.
void wait_for_change();
/// The calling thread states that its local variables follow from `position` alone, and that it has
/// no other such point with the same number: what it observed before makes no state different any
/// more.
void at(int position);

template <class T>
std::uint64_t bits(T value) noexcept {
  if constexpr (std::is_pointer_v<T>)
    return reinterpret_cast<std::uintptr_t>(value);
  else
    return static_cast<std::uint64_t>(value);
}
template <class T>
T from_bits(std::uint64_t bits) noexcept {
  if constexpr (std::is_pointer_v<T>)
    return reinterpret_cast<T>(static_cast<std::uintptr_t>(bits));
  else
    return static_cast<T>(bits);
}
}  // namespace model

// ── Atomics ─────────────────────────────────────────────────────────────────────────────────────

/// Like std::atomic; a weak compare-exchange never fails without a reason.
template <class T>
class ModelAtomic {
 public:
  using Order = std::memory_order;

  ModelAtomic() noexcept : ModelAtomic(T{}) {}
  ModelAtomic(T value) noexcept : word_(model::add_word(model::bits(value))) {}
  ModelAtomic(const ModelAtomic&) = delete;
  ModelAtomic& operator=(const ModelAtomic&) = delete;

  T load(Order = Order::seq_cst) const noexcept {
    return step([](T value) { return value; });
  }
  void store(T desired, Order = Order::seq_cst) noexcept {
    step([&](T) { return desired; }, Observes::Nothing);
  }
  T exchange(T desired, Order = Order::seq_cst) noexcept {
    return step([&](T) { return desired; });
  }
  bool compare_exchange_strong(T& expected, T desired, Order = Order::seq_cst,
                               Order = Order::seq_cst) noexcept {
    const T found = step([&](T value) { return value == expected ? desired : value; });
    const bool exchanged = found == expected;
    expected = found;
    return exchanged;
  }
  bool compare_exchange_weak(T& expected, T desired, Order = Order::seq_cst,
                             Order = Order::seq_cst) noexcept {
    return compare_exchange_strong(expected, desired);
  }
  T fetch_add(T other, Order = Order::seq_cst) noexcept {
    return step([&](T value) { return static_cast<T>(value + other); });
  }
  T fetch_sub(T other, Order = Order::seq_cst) noexcept {
    return step([&](T value) { return static_cast<T>(value - other); });
  }
  T fetch_and(T other, Order = Order::seq_cst) noexcept {
    return step([&](T value) { return static_cast<T>(value & other); });
  }
  T fetch_or(T other, Order = Order::seq_cst) noexcept {
    return step([&](T value) { return static_cast<T>(value | other); });
  }

  /// No step: from now on every operation fails, as if the memory had been freed.
  void retire() noexcept { model::word(word_) = model::kRetired; }

 private:
  enum class Observes : std::uint8_t { Value, Nothing };

  template <class Change>
  T step(Change&& change, Observes observes = Observes::Value) const noexcept {
    model::begin_step();
    std::uint64_t& word = model::word(word_);
    check(word != model::kRetired, kUsedLate);
    const std::uint64_t before = word;
    const T value = model::from_bits<T>(before);
    word = model::bits(change(value));
    model::end_step(word_, observes == Observes::Value ? before : 0);
    return value;
  }

  std::uint32_t word_;
};

struct ModelAtomics {
  template <class T>
  using Atomic = ModelAtomic<T>;
  static void wait_step(unsigned&) noexcept { model::wait_for_change(); }
};

/// A variable that is only for checks: nothing that a thread does may depend on it. So it is part
/// of a state, but not of what a thread has observed, and fewer states differ. Using it is no step.
template <class T>
class Ghost {
 public:
  Ghost(T value = T{}) noexcept : word_(model::add_word(static_cast<std::uint64_t>(value))) {}
  Ghost(const Ghost&) = delete;
  Ghost& operator=(const Ghost&) = delete;

  operator T() const noexcept { return static_cast<T>(model::word(word_)); }
  void operator=(T value) noexcept { model::word(word_) = static_cast<std::uint64_t>(value); }
  T operator++() noexcept { return static_cast<T>(++model::word(word_)); }

 private:
  std::uint32_t word_;
};

/// A variable that is no atomic, so using it is no step; load and store as if it were one. Other
/// plain members do as well, but to those a thread's every step is an observation, and more states
/// differ.
template <class T>
class Plain {
 public:
  Plain(T value = T{}) noexcept : word_(model::add_word(model::bits(value))) {}
  Plain(const Plain&) = delete;
  Plain& operator=(const Plain&) = delete;

  T load(std::memory_order = std::memory_order_relaxed) const noexcept {
    const std::uint64_t found = model::word(word_);
    check(found != model::kRetired, kUsedLate);
    model::observe(found);
    return model::from_bits<T>(found);
  }
  void store(T value, std::memory_order = std::memory_order_relaxed) noexcept {
    check(model::word(word_) != model::kRetired, kUsedLate);
    model::word(word_) = model::bits(value);
  }
  operator T() const noexcept { return load(); }
  void operator=(T value) noexcept { store(value); }
  void retire() noexcept { model::word(word_) = model::kRetired; }

 private:
  std::uint32_t word_;
};

/// Planted bug: an exchange in two steps, so that another thread's may come between.
struct SplitExchange : ModelAtomics {
  template <class T>
  struct Atomic : ModelAtomic<T> {
    using ModelAtomic<T>::ModelAtomic;
    T exchange(T desired, std::memory_order = std::memory_order_seq_cst) noexcept {
      const T found = this->load();
      this->store(desired);
      return found;
    }
  };
};

// ── What tests call ─────────────────────────────────────────────────────────────────────────────

template <class Scenario>
class ProgramOf final : public Program {
 public:
  int threads() const override { return Scenario::kThreads; }
  void reset() override {
    static_assert(std::is_trivially_destructible_v<Scenario>, "nothing may be on the heap");
    scenario_ = new (memory_) Scenario;
  }
  void thread(int id) override { scenario_->thread(id); }
  void at_end() override { scenario_->at_end(); }
  std::span<std::byte> memory() override { return memory_; }

 private:
  alignas(Scenario) alignas(8) std::byte memory_[(sizeof(Scenario) + 7) / 8 * 8];
  Scenario* scenario_ = nullptr;
};

template <class Scenario>
Exploration explore(Merge merge = Merge::EqualStates) {
  return explore(*std::make_unique<ProgramOf<Scenario>>(), merge);
}

template <class Scenario>
Exploration replay(const Schedule& schedule) {
  return replay(*std::make_unique<ProgramOf<Scenario>>(), schedule);
}

/// False under sanitizers, which make a run many times slower: then the largest scenarios are left
/// out.
inline constexpr bool kThorough = COERCE_ASAN == 0 && COERCE_TSAN == 0;

/// Prints how much was explored.
void report(const char* what, const Exploration& exploration);

template <class Scenario>
void require_holds(const char* what) {
  const Exploration exploration = explore<Scenario>();
  report(what, exploration);
  INFO(exploration.describe());
  REQUIRE(exploration.failure.empty());
}

/// Merging must not make a difference to what is explored; for small scenarios.
template <class Scenario>
void require_merging_to_be_exact() {
  const Exploration exploration = explore<Scenario>(Merge::Nothing);
  REQUIRE(exploration.failure.empty());
  REQUIRE(exploration.interleavings == static_cast<double>(exploration.runs));
  REQUIRE(explore<Scenario>().interleavings == exploration.interleavings);
}

/// A planted bug must be found, and found again when its schedule is replayed.
template <class Scenario>
void require_found(const char* what, const char* failure) {
  const Exploration exploration = explore<Scenario>();
  report(what, exploration);
  REQUIRE(exploration.failure == failure);
  const Exploration again = replay<Scenario>(exploration.schedule);
  REQUIRE(again.failure == exploration.failure);
  REQUIRE(again.schedule == exploration.schedule);
}

}  // namespace coerce::interleaving
