/// \file
/// The library's own figures, each beside L (../limit/limit.hpp) and its target.
///
///     coerce_bench [--bench NAME,…] [--workers N,…] [--runs R] [--scale X]
///     coerce_bench --once --bench NAME --workers N [--scale X]
///
/// Measures L before each run, in the same process. A figure is the minimum of its R runs (default
/// 40; 20 at the most for benchmarks that take long): what it costs when nothing disturbs it. The
/// runs of a benchmark are spread over the whole time and over several processes, so that neither a
/// slow minute of the machine nor what another benchmark left in the heap hits all of them. Prints
/// one line of JSON a figure, then a table. Targets in L are for one worker and judged by CPU time:
/// it never waits, so that is the wall time of a run that nobody disturbed.
///
/// With --once the benchmark runs a single time with nothing around it, for tools that count: the
/// line of JSON says how many operations it did and how often the heap was asked. Workers may be 0:
/// then the main thread does all work, always in the same way.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "../limit/limit.hpp"
#include "../peers/program.hpp"
#include "allocations.hpp"
#include "report.hpp"
#include "suite.hpp"

namespace {

using namespace suite;

constexpr std::uint64_t limit_messages = 500'000;
constexpr std::size_t passes = 4;

struct Options {
  std::vector<std::string> benches;
  std::vector<unsigned> workers{1};
  std::size_t runs = 40;
  double scale = 1;
  bool once = false;
};

std::vector<Bench> all_benches() {
  std::vector<Bench> result;
  for (auto part : {messaging, creation, timing, network, allocations}) {
    for (auto& bench : part()) result.push_back(std::move(bench));
  }
  return result;
}

[[noreturn]] void usage(const char* program) {
  std::fprintf(stderr,
               "usage: %s [--bench NAME,...] [--workers N,...] [--runs R] [--scale X]\n"
               "       %s --once --bench NAME --workers N [--scale X]\n"
               "benches:",
               program, program);
  for (const Bench& bench : all_benches())
    std::fprintf(stderr, " %.*s", static_cast<int>(bench.name.size()), bench.name.data());
  std::fprintf(stderr, "\n");
  std::exit(2);
}

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  for (;;) {
    const auto comma = list.find(',');
    parts.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    list.remove_prefix(comma + 1);
  }
}

Options parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--once") {
      options.once = true;
      continue;
    }
    if (++i == argc) usage(argv[0]);
    const char* value = argv[i];
    if (name == "--bench") {
      options.benches = split(value);
    } else if (name == "--workers") {
      options.workers.clear();
      for (const auto& count : split(value))
        options.workers.push_back(static_cast<unsigned>(std::strtoul(count.c_str(), nullptr, 10)));
    } else if (name == "--runs") {
      options.runs = std::max(1UL, std::strtoul(value, nullptr, 10));
    } else if (name == "--scale") {
      options.scale = std::strtod(value, nullptr);
    } else {
      usage(argv[0]);
    }
  }
  if (!(options.scale > 0)) usage(argv[0]);
  if (options.once && (options.benches.size() != 1 || options.workers.size() != 1)) usage(argv[0]);
  return options;
}

std::vector<Bench> selected(const Options& options, const char* program) {
  auto benches = all_benches();
  if (options.benches.empty()) return benches;
  std::vector<Bench> result;
  for (const auto& name : options.benches) {
    const auto bench = std::find_if(benches.begin(), benches.end(),
                                    [&](const Bench& one) { return one.name == name; });
    if (bench == benches.end()) usage(program);
    result.push_back(*bench);
  }
  return result;
}

/// A benchmark at a number of workers, and what its runs gave so far.
struct Row {
  Bench bench;
  Settings settings;
  std::vector<Sample> samples;
  std::vector<double> limits;
  std::vector<double> cpu_limits;
};

using Numbers = std::vector<double>;

/// The runs of one benchmark that belong to this pass, each right after L: for each run L, its CPU
/// time, that of the run, and the figures.
Numbers measure(const Row& row, std::size_t pass, std::size_t runs) {
  limit::ns_per_message(limit_messages);
  const Run run = row.bench.prepare(row.settings);
  if (row.bench.warm_up) run();
  Numbers numbers;
  for (std::size_t i = pass; i < runs; i += passes) {
    const double cpu = peers::process_cpu_ns();
    numbers.push_back(limit::ns_per_message(limit_messages));
    numbers.push_back((peers::process_cpu_ns() - cpu) / limit_messages);
    const Sample sample = run();
    numbers.push_back(sample.cpu_ns_per_op);
    numbers.insert(numbers.end(), sample.numbers.begin(), sample.numbers.end());
  }
  return numbers;
}

/// What `work` gives, from a process of its own: no benchmark sees the heap that another one left.
/// Empty if that process failed.
template <class F>
Numbers in_process_of_its_own(F work) {
  int ends[2];
  if (pipe(ends) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    const Numbers numbers = work();
    std::FILE* to = fdopen(ends[1], "w");
    const bool written =
        std::fwrite(numbers.data(), sizeof(double), numbers.size(), to) == numbers.size();
    std::_Exit(written && std::fclose(to) == 0 ? 0 : 1);
  }
  close(ends[1]);
  Numbers numbers;
  std::FILE* from = fdopen(ends[0], "r");
  for (double number; std::fread(&number, sizeof number, 1, from) == 1;) numbers.push_back(number);
  std::fclose(from);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) return {};
  return numbers;
}

/// False if the benchmark failed.
bool measure_into(Row& row, std::size_t pass, std::size_t runs) {
  runs = std::min(runs, row.bench.most_runs);
  if (pass >= runs) return true;
  const auto numbers = in_process_of_its_own([&] { return measure(row, pass, runs); });
  const std::size_t width = 3 + row.bench.figures.size();
  for (auto run = numbers.begin(); run != numbers.end();
       run += static_cast<std::ptrdiff_t>(width)) {
    row.limits.push_back(run[0]);
    row.cpu_limits.push_back(run[1]);
    row.samples.push_back({.numbers = Numbers(run + 3, run + static_cast<std::ptrdiff_t>(width)),
                           .cpu_ns_per_op = run[2]});
  }
  return !numbers.empty();
}

std::vector<Measured> results_of(const Row& row) {
  std::vector<Measured> results;
  const auto& figures = row.bench.figures;
  for (std::size_t i = 0; i < figures.size(); ++i) {
    Measured one{.figure = figures[i],
                 .workers = row.settings.workers,
                 .numbers = {},
                 .cpu_ns = {},
                 .limits = row.limits,
                 .cpu_limits = row.cpu_limits,
                 .rival = {}};
    for (const Sample& sample : row.samples) {
      one.numbers.push_back(sample.numbers[i]);
      if (sample.cpu_ns_per_op > 0) one.cpu_ns.push_back(sample.cpu_ns_per_op);
    }
    results.push_back(std::move(one));
  }
  return results;
}

void find_rivals(std::vector<Measured>& results) {
  for (Measured& one : results)
    for (const Measured& other : results)
      if (other.figure.name == one.figure.target.rival && other.workers == one.workers)
        one.rival = minimum(other.numbers);
}

void run_once(const Bench& bench, const Settings& settings) {
  const Run run = bench.prepare(settings);
  const AllocationCount count;
  const auto ops = run().ops;
  std::printf(R"({"bench":"%.*s","ops":%llu,"allocations":%llu})"
              "\n",
              static_cast<int>(bench.name.size()), bench.name.data(),
              static_cast<unsigned long long>(ops),
              static_cast<unsigned long long>(count.so_far()));
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse_options(argc, argv);
  std::vector<Row> rows;
  for (const Bench& bench : selected(options, argv[0])) {
    for (const unsigned workers : options.workers) {
      if (workers == 0 && bench.needs_threads) continue;
      rows.push_back({.bench = bench,
                      .settings = {.workers = workers, .scale = options.scale},
                      .samples = {},
                      .limits = {},
                      .cpu_limits = {}});
    }
  }
  if (options.once) {
    for (const Row& row : rows) run_once(row.bench, row.settings);
    return 0;
  }

  bool failed = false;
  for (std::size_t pass = 0; pass < passes; ++pass) {
    for (Row& row : rows) {
      const auto name = std::string(row.bench.name);
      std::fprintf(stderr, "pass %zu/%zu: %s, %u workers\n", pass + 1, passes, name.c_str(),
                   row.settings.workers);
      if (measure_into(row, pass, options.runs)) continue;
      std::fprintf(stderr, "coerce_bench: %s with %u workers failed\n", name.c_str(),
                   row.settings.workers);
      failed = true;
    }
  }
  std::vector<Measured> results;
  for (const Row& row : rows) {
    if (row.samples.empty()) continue;
    for (Measured& one : results_of(row)) results.push_back(std::move(one));
  }
  find_rivals(results);
  print_json(stdout, results);
  std::printf("\n");
  print_table(stdout, results);
  return failed ? 1 : 0;
}
