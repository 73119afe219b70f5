/// \file
/// What it costs to keep events, and to read them again.
///
///     coerce_persistence_bench [--directory DIR] [--runs R] [--scale X] [--actors N]
///
/// Writing: acknowledged events a second of 1, 100 and 10 000 actors, each of which has one event
/// under way, beside the same rows written by plain SQLite in group commits of the same size; the
/// size is what the run before it came to, counted by its commits. The two take turns.
/// Recovery: events a second and the memory that it takes at its highest, from a file that is in
/// the page cache. Every measurement is a process of its own, with a file of its own. Figures are
/// medians of R runs (default 5). Prints the file system that DIR (default: the current directory)
/// lies on, and refuses one in memory.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "file_system.hpp"
#include "journalled.hpp"
#include "plain_sqlite.hpp"

namespace {

using namespace persistence_bench;

struct Options {
  std::string directory = ".";
  std::size_t runs = 5;
  double scale = 1;
  std::size_t actors = 0;  ///< only the synced writing of so many; 0: everything
};

using Numbers = std::array<double, 2>;

[[noreturn]] void fail(const std::string& why) {
  fmt::print(stderr, "coerce_persistence_bench: {}\n", why);
  std::exit(1);
}

/// What `work` gives, from a process of its own, whose memory nobody has used before.
template <class F>
Numbers in_process_of_its_own(F work) {
  int ends[2];
  if (pipe(ends) != 0) fail("no pipe");
  const pid_t child = fork();
  if (child < 0) fail("no process");
  if (child == 0) {
    try {
      const Numbers numbers = work();
      std::_Exit(write(ends[1], numbers.data(), sizeof numbers) == sizeof numbers ? 0 : 1);
    } catch (const std::exception& error) {
      fmt::print(stderr, "{}\n", error.what());
      std::_Exit(1);
    }
  }
  close(ends[1]);
  Numbers numbers{};
  const bool complete = read(ends[0], numbers.data(), sizeof numbers) == sizeof numbers;
  close(ends[0]);
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0 || !complete) fail("a run has failed");
  return numbers;
}

double median(std::vector<double> numbers) {
  const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
  std::nth_element(numbers.begin(), middle, numbers.end());
  return *middle;
}

/// The share of `events` that the scale asks for, a multiple of `actors`.
std::size_t scaled(std::size_t events, std::size_t actors, double scale) {
  const auto each = static_cast<double>(events) * scale / static_cast<double>(actors);
  return actors * std::max<std::size_t>(1, static_cast<std::size_t>(each));
}

/// The size of the group commits that plain SQLite is to make.
std::size_t group_of(const Work& work, double commits) {
  const double events = static_cast<double>(work.events) / std::max(commits, 1.0);
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(events)));
}

void measure_writing(const Options& options, const Work& work) {
  std::vector<double> journalled;
  std::vector<double> plain;
  std::vector<double> ratios;
  std::vector<double> groups;
  const auto events = static_cast<double>(work.events);
  for (std::size_t run = 0; run < options.runs; ++run) {
    const ScratchDirectory scratch(options.directory);
    const Numbers ours = in_process_of_its_own([&] {
      const Written written = write_events(scratch.file("journals.db"), work);
      return Numbers{written.seconds, static_cast<double>(written.commits)};
    });
    const std::size_t group = group_of(work, ours[1]);
    const Numbers theirs = in_process_of_its_own([&] {
      return Numbers{write_plainly(scratch.file("plain.db"), {.journals = work.actors,
                                                              .events = work.events,
                                                              .group = group,
                                                              .event_bytes = event_bytes,
                                                              .sync = work.sync})};
    });
    journalled.push_back(events / ours[0]);
    plain.push_back(events / theirs[0]);
    ratios.push_back(theirs[0] / ours[0]);
    groups.push_back(static_cast<double>(group));
  }
  fmt::print("| {} | {} | {:.0f} | {:.0f} | {:.0f} | {:.2f} |\n", work.actors,
             work.sync ? "yes" : "no", median(groups), median(journalled), median(plain),
             median(ratios));
  std::fflush(stdout);
}

void measure_recovery(const Options& options, const Work& work) {
  const ScratchDirectory scratch(options.directory);
  const std::string path = scratch.file("journals.db");
  in_process_of_its_own([&] {
    fill(path, work);
    return Numbers{};
  });
  std::vector<double> rates;
  std::vector<double> memory;
  for (std::size_t run = 0; run < options.runs; ++run) {
    const Numbers recovered = in_process_of_its_own([&] {
      const Recovered result = recover(path, work);
      return Numbers{result.seconds, result.most_mib};
    });
    rates.push_back(static_cast<double>(work.events) / recovered[0]);
    memory.push_back(recovered[1]);
  }
  fmt::print("| {} | {} | {:.0f} | {:.1f} |\n", work.actors, work.events / work.actors,
             median(rates), median(memory));
  std::fflush(stdout);
}

[[noreturn]] void usage() {
  fmt::print(stderr,
             "usage: coerce_persistence_bench [--directory DIR] [--runs R] [--scale X]"
             " [--actors N]\n");
  std::exit(2);
}

Options parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (i + 1 == argc) usage();
    const char* value = argv[i + 1];
    if (name == "--directory") {
      options.directory = value;
    } else if (name == "--runs") {
      options.runs = std::max(1UL, std::strtoul(value, nullptr, 10));
    } else if (name == "--scale") {
      options.scale = std::strtod(value, nullptr);
    } else if (name == "--actors") {
      options.actors = std::strtoul(value, nullptr, 10);
    } else {
      usage();
    }
  }
  if (!(options.scale > 0)) usage();
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  if (is_in_memory(options.directory))
    fail(options.directory + " lies in memory, where nothing is kept: name another --directory");
  fmt::print("Journals in SQLite, {} bytes an event, on {}; medians of {} runs.\n\n", event_bytes,
             file_system_of(options.directory).value_or("an unknown file system"), options.runs);
  std::fflush(stdout);

  fmt::print(
      "| actors | fsync | events a commit | acknowledged events/s | plain SQLite | ratio |\n");
  fmt::print("|---|---|---|---|---|---|\n");
  struct Size {
    std::size_t actors;
    std::size_t synced;
    std::size_t unsynced;
  };
  constexpr Size sizes[] = {{1, 1'000, 20'000}, {100, 40'000, 100'000}, {10'000, 200'000, 200'000}};
  for (const bool sync : {true, false}) {
    for (const Size& size : sizes) {
      if (options.actors != 0 && (!sync || size.actors != options.actors)) continue;
      const std::size_t events = sync ? size.synced : size.unsynced;
      measure_writing(options, {.actors = size.actors,
                                .events = scaled(events, size.actors, options.scale),
                                .sync = sync});
    }
  }

  if (options.actors != 0) return 0;
  fmt::print("\n| actors | events of each | recovered events/s | most memory, MiB |\n");
  fmt::print("|---|---|---|---|\n");
  measure_recovery(options, {.actors = 1, .events = scaled(1'000'000, 1, options.scale)});
  measure_recovery(options, {.actors = 10'000, .events = scaled(1'000'000, 10'000, options.scale)});
}
