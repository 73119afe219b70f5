#include "testkit/conformance/trial.hpp"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <optional>

#include <coerce/runtime/detail/async_event.hpp>
#include <coerce/runtime/sleep.hpp>
#include <coerce/testkit/test_system.hpp>

#include "testkit/inside.hpp"

namespace coerce::testkit::conformance::detail {

namespace {

constexpr std::size_t kShownOperations = 50;

/// What has become of a trial; shared with a task that may outlast whoever waits for it.
struct Outcome {
  std::mutex mutex;
  std::condition_variable told;
  bool ended = false;
  std::optional<std::string> failure;
};

Task<void> run_body(std::shared_ptr<Trial> trial, const Case& tried,
                    std::shared_ptr<Outcome> outcome) {
  // Copied: this task may outlast the suite.
  auto body = tried.body;
  std::optional<std::string> failure;
  try {
    co_await body(*trial);
  } catch (const std::exception& error) {
    failure = error.what();
  }
  // Whoever is told may end the system, of which nothing must be kept here then.
  body = nullptr;
  trial.reset();
  const std::lock_guard guard(outcome->mutex);
  outcome->ended = true;
  outcome->failure = std::move(failure);
  outcome->told.notify_all();
}

/// Runs trials, on one system with threads or on a TestSystem each.
class Runner {
 public:
  explicit Runner(const ConformanceOptions& options) : options_(options) {
    if (!options.simulated)
      system_ = ActorSystem::builder().worker_threads(2).slow_handler(Duration::zero()).build();
  }

  /// False: the promise is broken. Adds what the store answered to `answers`.
  bool run(const Case& tried, std::uint64_t seed, Answers& answers, ConformanceReport& report) {
    ++report.trials;
    auto failure = options_.simulated ? run_simulated(tried, seed, answers)
                                      : run_threaded(tried, seed, answers);
    if (!failure) return true;
    report.passed = false;
    report.promise = tried.promise;
    report.failing_seed = seed;
    report.text = fmt::format("broken promise: {}\n{}\nseed {}", tried.promise, *failure, seed);
    return false;
  }

 private:
  std::optional<std::string> run_threaded(const Case& tried, std::uint64_t seed, Answers& answers) {
    const auto trial = std::make_shared<Trial>(*system_, seed, options_);
    const auto outcome = std::make_shared<Outcome>();
    if (!system_->spawn(run_body(trial, tried, outcome))) return "the task was refused";
    std::unique_lock lock(outcome->mutex);
    const bool ended =
        outcome->told.wait_for(lock, options_.deadline, [&] { return outcome->ended; });
    lock.unlock();
    answers.add(trial->answers());
    if (ended) return with_operations(outcome->failure, *trial);
    (void)system_->shutdown_blocking(std::chrono::seconds(1));
    return with_operations(
        fmt::format(
            "a call had no end within {} ms",
            std::chrono::duration_cast<std::chrono::milliseconds>(options_.deadline).count()),
        *trial);
  }

  std::optional<std::string> run_simulated(const Case& tried, std::uint64_t seed,
                                           Answers& answers) {
    TestSystem test({.seed = seed, .show_log = false});
    const auto trial = std::make_shared<Trial>(test.system(), seed, options_);
    const auto outcome = std::make_shared<Outcome>();
    try {
      test.run(run_body(trial, tried, outcome));
    } catch (const ExpectationFailed& error) {
      return with_operations(std::string("a call had no end: ") + error.what(), *trial);
    }
    answers.add(trial->answers());
    return with_operations(outcome->failure, *trial);
  }

  static std::optional<std::string> with_operations(const std::optional<std::string>& failure,
                                                    const Trial& trial) {
    if (!failure) return std::nullopt;
    return *failure + "\nwhat led there:" + trial.last_operations();
  }

  const ConformanceOptions options_;
  std::optional<ActorSystem> system_;
};

/// Tasks that run beside each other.
struct Gathering {
  explicit Gathering(std::size_t count) : left(count), errors(count) {}
  std::atomic<std::size_t> left;
  std::vector<std::exception_ptr> errors;
  coerce::detail::AsyncEvent all;
};

Task<void> gather(Task<void> task, std::shared_ptr<Gathering> gathering, std::size_t index) {
  try {
    co_await task;
  } catch (...) {
    gathering->errors[index] = std::current_exception();
  }
  if (gathering->left.fetch_sub(1, std::memory_order_acq_rel) == 1) gathering->all.set();
}

}  // namespace

void Answers::add(std::string_view call, bool is_certain) {
  Count& count = counts_[std::string(call)];
  ++count.calls;
  if (is_certain) ++count.certain;
}

void Answers::add(const Answers& others) {
  for (const auto& [call, other] : others.counts_) {
    Count& count = counts_[call];
    count.calls += other.calls;
    count.certain += other.certain;
  }
}

std::optional<std::string> Answers::vacuous() const {
  constexpr std::size_t kFewest = 10;  // calls that are judged
  constexpr std::size_t kShare = 4;    // one of so many at least
  for (const auto& [call, count] : counts_)
    if (count.calls >= kFewest && count.certain * kShare < count.calls)
      return fmt::format("vacuous: {} of {} calls of {} said what came of them", count.certain,
                         count.calls, call);
  return std::nullopt;
}

void Trial::broken(std::string_view what) { throw Broken(std::string(what)); }

void Trial::log(std::string line) {
  const std::lock_guard guard(mutex_);
  if (operations_.size() == kShownOperations) {
    operations_.pop_front();
    ++dropped_;
  }
  operations_.push_back(std::move(line));
}

std::string Trial::last_operations() const {
  const std::lock_guard guard(mutex_);
  std::string text;
  if (dropped_ != 0) text += fmt::format("\n  ({} operations before)", dropped_);
  for (const std::string& line : operations_) text += "\n  " + line;
  return text;
}

ConformanceReport run_cases(const std::vector<Case>& cases, const ConformanceOptions& options) {
  if (options.first_seed == 0) throw std::invalid_argument("first_seed: must not be 0");
  if (options.seeds == 0) throw std::invalid_argument("seeds: must not be 0");
  const auto only = testkit::detail::seed_of_environment();
  Runner runner(options);
  ConformanceReport report;
  std::size_t kept = 0;
  for (const Case& tried : cases) {
    if (options.only_random && !tried.is_random) continue;
    const std::size_t seeds = tried.is_random && !only ? options.seeds : 1;
    Answers answers;
    std::uint64_t seed = 0;
    for (std::size_t i = 0; i < seeds; ++i) {
      seed = only.value_or(options.first_seed + i);
      if (!runner.run(tried, seed, answers, report)) return report;
    }
    if (const auto why = answers.vacuous(); why && tried.is_random) {
      report.passed = false;
      report.promise = tried.promise;
      report.failing_seed = seed;
      report.text = fmt::format("not tried: {}\n{}", tried.promise, *why);
      return report;
    }
    ++kept;
  }
  report.text = fmt::format("{} promises kept in {} trials", kept, report.trials);
  return report;
}

// The frames that wait here must not go before the tasks have ended, so a request to stop is not
// obeyed: every call of a store ends.
Task<void> together(const ActorSystem& system, std::vector<Task<void>> tasks) {
  const auto gathering = std::make_shared<Gathering>(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i)
    if (!system.spawn(gather(std::move(tasks[i]), gathering, i))) throw Broken("a refused task");
  while (!gathering->all.is_set()) {
    const bool all = co_await gathering->all.wait();
    if (!all) co_await yield();
  }
  for (const std::exception_ptr& error : gathering->errors)
    if (error) std::rethrow_exception(error);
}

std::string fresh_store_name() {
  static std::atomic<std::uint64_t> used{0};
  return fmt::format("conformance-{}", ++used);
}

}  // namespace coerce::testkit::conformance::detail
