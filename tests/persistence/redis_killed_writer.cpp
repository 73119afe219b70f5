#include "persistence/redis_fixture.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <thread>

#include <catch2/catch.hpp>

#include <coerce/runtime/rng.hpp>
#include <coerce/runtime/when.hpp>

#include "persistence/placed_events.hpp"

using namespace coerce;
using namespace coerce::test;

namespace {

constexpr std::size_t kJournals = 8;
constexpr std::uint64_t kMaxBatch = 5;

using Heads = std::array<std::int64_t, kJournals>;

struct Acknowledged {
  std::uint32_t journal = 0;
  std::int64_t head = 0;
};

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// Appends for ever, and tells each acknowledged head.
Task<void> write(JournalStorage& storage, std::uint32_t number, Rng& rng, int tell) {
  const auto opened = co_await storage.open(std::to_string(number));
  if (!opened) ::_exit(2);
  for (std::int64_t head = opened->head;;) {
    auto batch = placed_batch(head, 1 + rng.below(kMaxBatch));
    const auto next =
        co_await storage.append(opened->token, head, AppendId::draw(rng), std::move(batch));
    if (!next) ::_exit(3);
    head = *next;
    const Acknowledged acknowledged{number, head};
    if (::write(tell, &acknowledged, sizeof(acknowledged)) != sizeof(acknowledged)) ::_exit(4);
  }
}

/// The process that is killed. Never comes back.
[[noreturn]] void be_the_writer(const std::string& uri, std::uint64_t seed, int tell) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const Scheduler scheduler(SchedulerOptions{.workers = 2});
  const auto provider = scheduler.block_on(RedisStorageProvider::connect(uri));
  if (!provider) ::_exit(1);
  const auto storage = provider->journal_storage();
  Rng rng(seed);
  std::vector<Task<void>> writers;
  for (std::uint32_t i = 0; i < kJournals; ++i) writers.push_back(write(*storage, i, rng, tell));
  scheduler.block_on(when_all(std::move(writers)));
  ::_exit(5);
}

/// Runs a writer and kills it at a random moment. Gives what it had been told by then.
Heads kill_a_writer(const std::string& uri, Rng& rng) {
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  const std::uint64_t seed = rng.next();
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    ::close(pipe[0]);
    be_the_writer(uri, seed, pipe[1]);
  }
  ::close(pipe[1]);
  Heads heads{};
  const std::uint64_t kill_after = 1 + rng.below(1000);
  std::uint64_t count = 0;
  for (Acknowledged told; ::read(pipe[0], &told, sizeof(told)) == sizeof(told);) {
    heads[told.journal] = told.head;
    if (++count != kill_after) continue;
    // Somewhere between two replies, not right behind one.
    std::this_thread::sleep_for(std::chrono::microseconds(rng.below(3000)));
    ::kill(pid, SIGKILL);
  }
  ::close(pipe[0]);
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  INFO("the writer ended by itself with " << status);
  REQUIRE(WIFSIGNALED(status));
  return heads;
}

}  // namespace

TEST_CASE("a writer killed at any moment loses nothing on Redis that was acknowledged",
          "[redis][journal]") {
  const std::uint64_t kills = number_from_environment("COERCE_KILLS", 5);
  const std::uint64_t seed = number_from_environment("COERCE_SEED", Rng::random_seed());
  WARN("COERCE_SEED=" << seed << " COERCE_KILLS=" << kills);
  Rng rng(seed);
  const RedisServer server;
  Heads acknowledged{};
  for (std::uint64_t kill = 0; kill < kills; ++kill) {
    const Heads told = kill_a_writer(server.uri(), rng);
    RedisJournals journals(server.uri());
    for (std::size_t i = 0; i < kJournals; ++i) {
      acknowledged[i] = std::max(acknowledged[i], told[i]);
      check_placed(journals, std::to_string(i), acknowledged[i]);
    }
  }
}
