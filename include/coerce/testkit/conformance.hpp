/// \file
/// Does a store of journals or of leases keep its promises?

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include <coerce/runtime/clock.hpp>
#include <coerce/testkit/detail/conformance_stores.hpp>

namespace coerce::testkit::conformance {

struct ConformanceOptions {
  std::size_t seeds = 50;        ///< how often each randomised promise is tried. \pre not 0
  std::uint64_t first_seed = 1;  ///< \pre not 0
  /// [false: on a system with two threads, in real time] Run each trial in a TestSystem of its
  /// seed. For stores that take time and threads from the system of their caller alone.
  bool simulated = false;
  /// [false] Only what is tried under many seeds: it takes Unavailable and Unknown for what they
  /// say, the other cases want a store that is well.
  bool only_random = false;
  std::size_t operations = 80;  ///< of one randomised trial
  /// [60 s] Of one trial. In real time what has not ended then is reported as a call without an
  /// end, and what it uses is left behind.
  Duration deadline = std::chrono::seconds(60);
  /// [5 ms] How far the time of a lease store may be from the system's. Not used when simulated.
  Duration clock_slack = std::chrono::milliseconds(5);
};
static_assert(std::is_trivially_destructible_v<ConformanceOptions>);

struct ConformanceReport {
  bool passed = true;
  /// What was tried; or the promise that was broken, how, the seed, and the last 50 operations.
  std::string text;
  std::string promise;             ///< the first that was broken; empty: none
  std::uint64_t failing_seed = 0;  ///< of the trial that broke it; 0: none
  std::size_t trials = 0;          ///< how many ran
};

ConformanceReport run_journal(const detail::JournalStores& stores,
                              const ConformanceOptions& options);
ConformanceReport run_leases(const detail::LeaseStores& stores, const ConformanceOptions& options);

/// Tries whether stores keep what JournalStorage promises: one case for each sentence of it, random
/// operations compared with a model, and writers that race, whose history is judged. Stops at the
/// first promise that is broken. A randomised promise also fails, as vacuous, if of some kind of
/// calls (ten at least) less than a quarter had an answer: Unavailable and Unknown show nothing.
///
/// `factory` makes a store. Called without an argument it gives a new, empty one each time. Better
/// is one that takes a `const std::string& name`: a new name (of a-z, 0-9 and '-', never used
/// before in this process) gives an empty store, the same name the same store opened anew, also
/// while an earlier handle is still in use; only then restarts and handles that compete are tried.
/// It returns a StorageProvider, a std::shared_ptr of one or of a JournalStorage, a JournalResult
/// of these, or a Task of these. It is called on any thread of the suite's system, one call at a
/// time.
///
/// Blocks the calling thread, which must be no worker. With COERCE_SEED in the environment only
/// that seed is tried. Throws std::invalid_argument if first_seed is 0, or COERCE_SEED no seed.
template <detail::StoreFactory F>
ConformanceReport run_journal(F factory, const ConformanceOptions& options = {}) {
  return run_journal(detail::stores_of<JournalStorage, JournalErr>(std::move(factory)), options);
}

/// The same for leases: LeaseStore's promises. The factory returns a std::shared_ptr<LeaseStore>
/// (or of a class derived from it), a LeaseResult of one, or a Task of these.
template <detail::StoreFactory F>
ConformanceReport run_leases(F factory, const ConformanceOptions& options = {}) {
  return run_leases(detail::stores_of<LeaseStore, LeaseErr>(std::move(factory)), options);
}

}  // namespace coerce::testkit::conformance
