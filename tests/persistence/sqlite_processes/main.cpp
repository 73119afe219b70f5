// Several processes saturate one file of journals. Each gets a fair share of it, and none loses the
// lease that it keeps in another file meanwhile.
//
// Usage: coerce_sqlite_processes <processes> <seconds>
// Started again by itself as: coerce_sqlite_processes worker <directory> <name> <seconds>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "persistence/sqlite_processes/worker.hpp"
#include "persistence/temporary_directory.hpp"

extern char** environ;

namespace {

using coerce::test::WorkerReport;

int run_worker(char** arguments) {
  const WorkerReport report =
      coerce::test::work(arguments[2], arguments[3], std::atoi(arguments[4]));
  std::printf("%llu %llu %llu %llu %llu\n", static_cast<unsigned long long>(report.appended),
              static_cast<unsigned long long>(report.lost_leases),
              static_cast<unsigned long long>(report.renewals),
              static_cast<unsigned long long>(report.failed),
              static_cast<unsigned long long>(report.slowest_ms));
  return 0;
}

struct Child {
  pid_t pid = -1;
  std::FILE* output = nullptr;
};

Child start(const char* program, const std::string& directory, int index,
            const std::string& seconds) {
  std::array<int, 2> ends{};
  Child child;
  if (::pipe(ends.data()) != 0) return child;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_addclose(&actions, ends[1]);
  std::vector<std::string> words = {program, "worker", directory,
                                    "process " + std::to_string(index), seconds};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  if (::posix_spawn(&child.pid, program, &actions, nullptr, arguments.data(), environ) != 0)
    child.pid = -1;
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  child.output = ::fdopen(ends[0], "r");
  return child;
}

/// What it wrote, or a report of failure.
WorkerReport finish(const Child& child) {
  WorkerReport report;
  report.failed = 1;
  if (child.pid < 0) return report;
  std::array<unsigned long long, 5> numbers{};
  const int read = std::fscanf(child.output, "%llu %llu %llu %llu %llu", &numbers[0], &numbers[1],
                               &numbers[2], &numbers[3], &numbers[4]);
  std::fclose(child.output);
  int status = 0;
  ::waitpid(child.pid, &status, 0);
  if (read != 5 || status != 0) return report;
  return {numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]};
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 5 && std::string(arguments[1]) == "worker") return run_worker(arguments);
  if (count != 3 || std::atoi(arguments[1]) < 1 || std::atoi(arguments[2]) < 1) {
    std::fprintf(stderr, "usage: %s <processes> <seconds>\n", arguments[0]);
    return 2;
  }
  const int processes = std::atoi(arguments[1]);
  const coerce::test::TemporaryDirectory directory;
  std::vector<Child> children;
  for (int i = 0; i < processes; ++i)
    children.push_back(start("/proc/self/exe", directory.file("."), i, arguments[2]));

  std::uint64_t all = 0;
  std::uint64_t least = UINT64_MAX;
  bool good = true;
  for (const Child& child : children) {
    const WorkerReport report = finish(child);
    std::printf("%llu events, slowest %llu ms, %llu renewals, %llu lost, %llu failed\n",
                static_cast<unsigned long long>(report.appended),
                static_cast<unsigned long long>(report.slowest_ms),
                static_cast<unsigned long long>(report.renewals),
                static_cast<unsigned long long>(report.lost_leases),
                static_cast<unsigned long long>(report.failed));
    all += report.appended;
    least = std::min(least, report.appended);
    good = good && report.failed == 0 && report.lost_leases == 0 && report.renewals != 0;
  }
  const double share = static_cast<double>(least) * processes / static_cast<double>(all + 1);
  std::printf("together %llu events; the slowest got %.2f of its fair share\n",
              static_cast<unsigned long long>(all), share);
  return good && share >= 0.5 ? 0 : 1;
}
