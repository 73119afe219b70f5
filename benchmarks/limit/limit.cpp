/// \file
/// Measures L (limit.hpp).
///
///     limit [--runs R] [--batch B]
///
/// Prints one line of JSON: minimum and median over R runs (default 20) of 2M messages, in ns per
/// message. With --batch B, B messages are pushed before the actor runs (default 1, which is L).

#include "limit.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace {
constexpr std::uint64_t messages = 2'000'000;
}  // namespace

int main(int argc, char** argv) {
  long runs = 20;
  long batch = 1;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    const long value = i + 1 < argc ? std::strtol(argv[i + 1], nullptr, 10) : 0;
    if (name == "--runs" && value > 0) {
      runs = value;
    } else if (name == "--batch" && value > 0 && static_cast<std::uint64_t>(value) <= messages) {
      batch = value;
    } else {
      std::fprintf(stderr, "usage: %s [--runs R] [--batch B]\n", argv[0]);
      return 2;
    }
  }

  limit::ns_per_message(messages, static_cast<std::uint64_t>(batch));  // warm-up
  std::vector<double> results;
  results.reserve(static_cast<std::size_t>(runs));
  for (long i = 0; i < runs; ++i)
    results.push_back(limit::ns_per_message(messages, static_cast<std::uint64_t>(batch)));
  std::sort(results.begin(), results.end());
  const auto middle = results.size() / 2;
  const double median =
      results.size() % 2 == 1 ? results[middle] : (results[middle - 1] + results[middle]) / 2;
  std::printf(
      R"({"bench":"limit","runs":%ld,"messages":%llu,"batch":%ld,"min_ns":%.2f,"median_ns":%.2f})"
      "\n",
      runs, static_cast<unsigned long long>(messages), batch, results.front(), median);
}
