#include "remote/processes/process.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <memory>
#include <string>

#include <coerce/runtime/detail/atomics.hpp>

namespace coerce::test::process_cases {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

/// A process that hosts the actors and one that has found them.
struct TwoProcesses {
  /// `terminated`: after so many milliseconds of silence a node is lost; `write_deadline` ends a
  /// link whose peer takes nothing.
  explicit TwoProcesses(const std::string& terminated, const std::string& write_deadline = "10000")
      : limits{terminated, write_deadline} {
    start_host("");
    seed = host->address();
    host->ask("host", "hosting");
    asker = std::make_unique<Process>(std::vector<std::string>{"2", limits[0], limits[1], seed});
    asker->address();
    asker->ask("find", "found on 1");
  }
  void start_host(const std::string& join) {
    std::vector<std::string> words{"1", limits[0], limits[1]};
    if (!join.empty()) words.push_back(join);
    host = std::make_unique<Process>(words);
  }

  std::vector<std::string> limits;
  std::unique_ptr<Process> host, asker;
  std::string seed;
};

int number_in(const std::smatch& said, std::size_t i) { return std::stoi(said[i]); }

}  // namespace

TEST_CASE("processes ask and tell each other, and a clean drain leaves nothing unconfirmed",
          "[processes][B-211]") {
  TwoProcesses two("60000");
  two.asker->ask("ask 1000", "asked: answered 1000");
  const int told = number_in(two.asker->ask("tell 5000 64", "told (\\d+), refused \\d+"), 1);
  two.asker->ask("leave", "left");
  const auto counters = two.asker->counters();
  CHECK(counters.agree());
  CHECK(counters.unconfirmed == 0);
  CHECK(counters.dead == 0);
  CHECK(counters.queued == 0);
  two.host->expect(".*node 2 .* says goodbye");
  two.host->expect(".*node 2 .* is gone");  // at once
  two.host->ask("seen", "seen " + std::to_string(told) + ", disordered 0");
  two.host->ask("nodes", "nodes 1 healthy, 2 terminated");
  CHECK(two.asker->finish() == 0);
  CHECK(two.host->finish() == 0);
}

TEST_CASE("a host that leaves ends what waits for its answers", "[processes]") {
  TwoProcesses two("60000");
  two.asker->say("wait 500");
  two.asker->ask("ask 1", "asked: answered 1");  // behind them: they are under way
  two.host->say("leave");
  two.asker->expect("waited: .*");
  two.host->expect("left");
  const auto counters = two.asker->settled_counters();
  CHECK(counters.unconfirmed == 0);
  CHECK(two.asker->finish() == 0);
  CHECK(two.host->finish() == 0);
}

TEST_CASE("a process that is killed ends what waits for it, at once and for good",
          "[processes][B-209]") {
  TwoProcesses two("2000");
  two.asker->say("wait 500");
  two.asker->ask("ask 1", "asked: answered 1");
  two.host->kill(SIGKILL);
  two.asker->expect("waited: .*[Uu]nreachable 500");
  two.asker->ask("tell 100 64", "told .*");
  two.asker->expect(".*node 1 .* is gone");
  CHECK(two.asker->settled_counters().sent > 0);

  // The references are of the life that has ended.
  two.asker->ask("ask 10", "asked: .*[Uu]nreachable 10");
  two.asker->ask("nodes", "nodes 1 terminated, 2 healthy");
  CHECK(two.asker->finish() == 0);
}

TEST_CASE("a process that starts again under its id is another one, and is found anew",
          "[processes][B-218]") {
  TwoProcesses two("2000");
  Process third({"3", two.limits[0], two.limits[1], two.seed});
  const std::string other_seed = third.address();
  two.asker->expect(".*node 3 .* is up");
  two.host->kill(SIGKILL);
  two.asker->expect(".*node 1 .* is gone");
  third.expect(".*node 1 .* is gone");
  two.start_host(other_seed);
  two.host->address();
  two.host->ask("host", "hosting");
  two.asker->expect(".*node 1 .* is up");
  two.asker->ask("ask 10", "asked: .*[Uu]nreachable 10");  // of the life before
  two.asker->ask("find", "found on 1");
  two.asker->ask("ask 10", "asked: answered 10");
  two.host->ask("seen", "seen 0, disordered 0");
}

TEST_CASE("a process that is stopped for a moment misses nothing, and all is in order",
          "[processes]") {
  TwoProcesses two("60000", "60000");
  two.host->signal(SIGSTOP);
  // Less than may wait for a link.
  const int told = number_in(two.asker->ask("tell 5000 100", "told (\\d+), refused \\d+"), 1);
  two.host->signal(SIGCONT);
  two.asker->ask("ask 1", "asked: answered 1");  // behind all that was told
  two.host->ask("seen", "seen " + std::to_string(told) + ", disordered 0");
  const auto counters = two.asker->settled_counters();
  CHECK(counters.unconfirmed == 0);
  CHECK(counters.dead == 0);
}

TEST_CASE("a process that is stopped for too long is lost, and joins again when it goes on",
          "[processes][B-209][B-212]") {
  TwoProcesses two("2000");
  two.host->signal(SIGSTOP);
  two.asker->say("wait 200");
  two.asker->say("ask 200");
  const auto ended = two.asker->expect("(waited|asked): .*");
  two.asker->expect(ended[1] == "asked" ? "waited: .*" : "asked: .*");
  two.asker->settled_counters();
  two.asker->expect(".*node 1 .* is gone");
  two.asker->ask("nodes", "nodes 1 terminated, 2 healthy");
  two.host->signal(SIGCONT);
  two.asker->expect(".*node 1 .* is up");
  two.asker->ask("find", "found on 1");
  two.asker->ask("ask 10", "asked: answered 10");
}

TEST_CASE("a process that reads nothing costs bounded memory, and its link ends", "[processes]") {
  TwoProcesses two("60000", "1000");
  two.asker->ask("ask 10", "asked: answered 10");
  two.host->signal(SIGSTOP);
  const std::size_t before = two.asker->resident_bytes();
  int refused = 0;
  for (int round = 0; round < 20; ++round)
    refused += number_in(two.asker->ask("tell 10000 1024", "told \\d+, refused (\\d+)"), 1);
  CHECK(refused > 100'000);  // of 200 MB a few are in the queue and in the kernel's buffers
  CHECK(two.asker->counters().queued <= kMiB + kMiB / 8);  // the mark, and what went over it
  // A sanitizer keeps what is freed, and knows more of each byte.
  constexpr std::size_t kMost = (COERCE_ASAN || COERCE_TSAN) ? 1024 * kMiB : 32 * kMiB;
  CHECK(two.asker->resident_bytes() < before + kMost);
  two.asker->say("wait 100");
  two.asker->expect("waited: .*");
  two.asker->settled_counters();  // the link has ended: nothing is queued any more

  two.host->signal(SIGCONT);
  two.asker->ask("find", "found on 1");
  const auto counters = two.asker->settled_counters();
  const auto seen = two.host->ask("seen", "seen (\\d+), disordered 0");
  CHECK(std::stoull(seen[1]) + 100 + 10 >= counters.delivered);
  CHECK(std::stoull(seen[1]) <= counters.delivered + counters.unconfirmed);
}

}  // namespace coerce::test::process_cases
