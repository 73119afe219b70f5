// Workers that sometimes fail. Their parent restarts them, each time after a longer while; who
// sends to them does not notice but by the error of the job that failed, and gives that job again.
// A worker that fails too often ends, and who watches it is told.

#include <coerce/actor.hpp>

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;

// ── A worker ────────────────────────────────────────────────────────────────────────────────────

struct Job {
  using Result = int;
  int number;
  int attempt;
};

constexpr int kHopeless = 13;

class Worker : public coerce::Actor {
 public:
  coerce::Task<int> handle(Job job, coerce::ActorContext&) {
    co_await coerce::sleep_for(1ms);  // the work
    if (job.number == kHopeless || (job.number % 4 == 0 && job.attempt == 1))
      throw std::runtime_error(fmt::format("job {} went wrong", job.number));
    co_return job.number* job.number;
  }
};
using Ref = coerce::LocalActorRef<Worker>;

// ── Their parent ────────────────────────────────────────────────────────────────────────────────

struct GetWorkers {
  using Result = std::vector<Ref>;
};

// region: crew
/// Starts the workers and decides what becomes of one that fails.
class Crew : public coerce::Actor {
 public:
  coerce::Task<void> started(coerce::ActorContext& ctx) {
    const auto strategy =
        coerce::SupervisorStrategy::restart().max_restarts(3).within(1min).backoff(
            {.min = 1ms, .max = 100ms, .jitter = 0.2});
    const auto make = [] { return Worker(); };
    for (int i = 1; i <= 3; ++i) {
      auto worker = co_await ctx.spawn(fmt::format("worker-{}", i), make, strategy);
      workers_.push_back(worker.value());  // an error is thrown, and the crew does not start
    }
  }
  std::vector<Ref> handle(GetWorkers, coerce::ActorContext&) { return workers_; }

 private:
  std::vector<Ref> workers_;  // a reference outlives restarts
};
// endregion

// ── Who watches them ────────────────────────────────────────────────────────────────────────────

struct Watch {
  explicit Watch(Ref w) : worker(std::move(w)) {}
  Ref worker;
};
struct CountEnded {
  using Result = int;
};

class Watchman : public coerce::Actor {
 public:
  coerce::Result<void> handle(Watch message, coerce::ActorContext& ctx) {
    return ctx.watch(message.worker);
  }
  void handle(const coerce::ActorTerminated& ended, coerce::ActorContext&) {
    fmt::print("{} has ended: {}\n", ended.actor_ref().actor_id().view(),
               coerce::to_string(ended.reason().kind()));
    ++ended_;
  }
  int handle(CountEnded, coerce::ActorContext&) { return ended_; }

 private:
  int ended_ = 0;
};

// ── The work ────────────────────────────────────────────────────────────────────────────────────

struct Tally {
  int done = 0;
  int failures = 0;
};

/// Has one worker do its share, each job again until it is done. Ends early if the worker has
/// ended.
coerce::Task<Tally> give_jobs(Ref worker, std::vector<int> jobs) {
  Tally tally;
  for (const int number : jobs) {
    for (int attempt = 1;; ++attempt) {
      const auto answer = co_await worker.send(Job{number, attempt});
      if (answer) {
        ++tally.done;
        break;
      }
      if (answer.error().kind() != coerce::ActorRefErr::Kind::HandlerFailed) co_return tally;
      ++tally.failures;
    }
  }
  co_return tally;
}

coerce::Task<int> manage(coerce::ActorSystem& system) {
  // Every failure is told on the event stream, on some worker thread.
  std::atomic<int> reported{0};
  const auto report = [&reported](const coerce::HandlerFailure& failure) {
    fmt::print("{}: {}\n", failure.path.view(), failure.text);
    ++reported;
  };
  const auto subscription = system.events().subscribe<coerce::HandlerFailure>(report);

  auto crew = co_await coerce::into_actor(Crew(), "crew", system);
  auto watchman = co_await coerce::into_actor(Watchman(), "watchman", system);
  if (!crew || !watchman) co_return 1;
  const auto answer = co_await crew->send(GetWorkers{});
  if (!answer) co_return 1;
  const std::vector<Ref>& workers = *answer;
  for (const auto& worker : workers) {
    const auto watched = co_await watchman->send(Watch(worker));
    if (!watched) co_return 1;
  }

  const std::vector<int> first{1, 4, 7, 10}, second{2, 5, 8, 11}, third{3, 6, 9, 12, kHopeless};
  const auto [a, b, c] = co_await coerce::when_all(
      give_jobs(workers[0], first), give_jobs(workers[1], second), give_jobs(workers[2], third));
  const int failures = a.failures + b.failures + c.failures;

  // Both are told of apart from the answers, a little later.
  int ended = 0;
  while (reported < failures || ended == 0) {
    co_await coerce::sleep_for(1ms);
    ended = (co_await watchman->send(CountEnded{})).value_or(0);
  }
  fmt::print("{} jobs done, {} failures\n", a.done + b.done + c.done, failures);
  co_return 0;
}

}  // namespace

int main() { return coerce::run(coerce::ActorSystem::builder().system_name("factory"), manage); }
