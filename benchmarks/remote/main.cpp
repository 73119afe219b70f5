/// \file
/// Messages between two processes over loopback, beside the same frames moved by hand on Asio and
/// beside CAF.
///
///     coerce_remote_bench [--rounds R] [--scale X] [--job TEXT] [--who TEXT] [--tls yes|no|both]
///                         [--workers N]
///
/// Every measurement is two processes of its own, which are kept awake (processes.hpp). In each of
/// the R rounds (default 5) all contenders do each job one right after the other, in changing
/// order. Prints median, least and most, and ratios that are taken in each round. A job or a
/// contender is done if its name contains TEXT. An optional contender whose packages are not
/// installed is named and left out.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "certificates.hpp"
#include "contender.hpp"
#include "processes.hpp"
#include "report.hpp"

namespace {

using namespace remote_bench;

constexpr unsigned kLimitSeconds = 60;

struct Options {
  std::size_t rounds = 5;
  double scale = 1;
  std::string job;
  std::string who;
  bool plain = true;
  bool tls = true;
  unsigned workers = 1;
};

[[noreturn]] void usage() {
  fmt::print(stderr,
             "usage: coerce_remote_bench [--rounds R] [--scale X] [--job TEXT] [--who TEXT]\n"
             "                           [--tls yes|no|both] [--workers N]\n");
  std::exit(2);
}

Options parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) usage();
    const std::string_view name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--rounds") {
      options.rounds = std::max(1UL, std::strtoul(value.c_str(), nullptr, 10));
    } else if (name == "--scale") {
      options.scale = std::strtod(value.c_str(), nullptr);
    } else if (name == "--job") {
      options.job = value;
    } else if (name == "--who") {
      options.who = value;
    } else if (name == "--tls") {
      options.plain = value != "yes";
      options.tls = value != "no";
    } else if (name == "--workers") {
      options.workers =
          static_cast<unsigned>(std::max(1UL, std::strtoul(value.c_str(), nullptr, 10)));
    } else {
      usage();
    }
  }
  if (!(options.scale > 0)) usage();
  return options;
}

std::vector<Contender> contenders() {
  std::vector<Contender> all{plain_asio(), coerce_remote()};
#ifdef REMOTE_BENCH_CAF
  all.push_back(caf_io());
#else
  fmt::print(stderr, "CAF's io module (libcaf-dev) was not found: it is left out\n");
#endif
  return all;
}

std::uint64_t scaled(const Job& job, const Contender& who, double scale) {
  const auto count = static_cast<double>(job.count) * scale / static_cast<double>(who.slower);
  return std::max<std::uint64_t>(std::max<std::size_t>(job.in_flight, 100),
                                 static_cast<std::uint64_t>(count));
}

/// A row and what its rounds need.
struct Line {
  Contender who;
  Setting setting;
  Row row;
};

std::vector<Line> lines_of(const Options& options, const TlsFiles& files) {
  std::vector<Line> lines;
  const auto all = contenders();
  for (const bool tls : {false, true}) {
    if (tls ? !options.tls : !options.plain) continue;
    for (const Job& job : kJobs) {
      if (job.name.find(options.job) == std::string_view::npos) continue;
      for (const Contender& who : all) {
        if (who.name.find(options.who) == std::string_view::npos) continue;
        lines.push_back({.who = who,
                         .setting = {.job = job,
                                     .count = scaled(job, who, options.scale),
                                     .tls = tls ? files : TlsFiles(),
                                     .workers = options.workers},
                         .row = {.job = fmt::format("{}{}", job.name, tls ? ", TLS" : ""),
                                 .contender = std::string(who.name),
                                 .kind = job.kind,
                                 .single = job.in_flight == 1,
                                 .payload = job.payload,
                                 .rounds = {}}});
      }
    }
  }
  return lines;
}

/// In every round the lines of one job are turned round by one.
void run_round(std::vector<Line>& lines, std::size_t round, bool& failed) {
  for (auto first = lines.begin(); first != lines.end();) {
    const auto last = std::find_if(
        first, lines.end(), [&](const Line& other) { return other.row.job != first->row.job; });
    const auto size = static_cast<std::size_t>(last - first);
    for (std::size_t i = 0; i < size; ++i) {
      Line& line = *(first + static_cast<std::ptrdiff_t>((i + round) % size));
      fmt::print(stderr, "round {}: {}, {}\n", round + 1, line.row.job, line.row.contender);
      line.row.rounds.push_back(run_in_two_processes(line.who, line.setting, kLimitSeconds));
      failed = failed || !line.row.rounds.back();
    }
    first = last;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  try {
    const Certificates certificates;
    std::vector<Line> lines = lines_of(options, certificates.files());
    bool failed = false;
    {
      const Awake awake;
      for (std::size_t round = 0; round < options.rounds; ++round) run_round(lines, round, failed);
    }
    std::vector<Row> rows;
    for (Line& line : lines) rows.push_back(std::move(line.row));
    fmt::print(
        "Two processes over loopback, {} worker thread(s) in each, {} targets, {} rounds.\n\n",
        options.workers, kTargets, options.rounds);
    print(rows, "plain Asio");
    return failed ? 1 : 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "coerce_remote_bench: {}\n", error.what());
    return 1;
  }
}
