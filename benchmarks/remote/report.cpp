#include "report.hpp"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

namespace remote_bench {
namespace {

double figure(const Row& row, const Outcome& outcome) {
  if (row.single) return outcome.p50_us;
  return static_cast<double>(outcome.count) / outcome.seconds;
}

struct Spread {
  double least, middle, most;
};

Spread spread(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return {numbers.front(), numbers[numbers.size() / 2], numbers.back()};
}

template <class F>
std::optional<Spread> spread_of(const Row& row, F number) {
  std::vector<double> numbers;
  for (const auto& round : row.rounds)
    if (round) numbers.push_back(number(*round));
  if (numbers.empty()) return {};
  return spread(std::move(numbers));
}

std::string number(double value) {
  if (value >= 1e6) return fmt::format("{:.2f} M", value / 1e6);
  if (value >= 1e4) return fmt::format("{:.0f} k", value / 1e3);
  if (value >= 100) return fmt::format("{:.0f}", value);
  return fmt::format("{:.1f}", value);
}

std::string in_words(const std::optional<Spread>& spread) {
  if (!spread) return "failed";
  return fmt::format("{} [{} .. {}]", number(spread->middle), number(spread->least),
                     number(spread->most));
}

std::optional<Spread> ratio(const Row& row, const Row& base) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < std::min(row.rounds.size(), base.rounds.size()); ++i) {
    if (!row.rounds[i] || !base.rounds[i]) continue;
    const double mine = figure(row, *row.rounds[i]);
    const double theirs = figure(base, *base.rounds[i]);
    ratios.push_back(row.single ? theirs / mine : mine / theirs);
  }
  if (ratios.empty()) return {};
  return spread(std::move(ratios));
}

std::string cpu(const Row& row) {
  const auto microseconds = [](double seconds, const Outcome& outcome) {
    return seconds * 1e6 / static_cast<double>(outcome.count);
  };
  const auto driver =
      spread_of(row, [&](const Outcome& one) { return microseconds(one.driver_cpu, one); });
  const auto server =
      spread_of(row, [&](const Outcome& one) { return microseconds(one.server_cpu, one); });
  if (!driver || !server) return "";
  return fmt::format("{:.3g} / {:.3g}", driver->middle, server->middle);
}

std::string besides(const Row& row) {
  if (row.single) {
    const auto p99 = spread_of(row, [](const Outcome& one) { return one.p99_us; });
    return p99 ? fmt::format("p99 {}", in_words(p99)) : "";
  }
  if (row.payload < kLarge) return "";
  const auto rate = spread_of(row, [&](const Outcome& one) {
    return static_cast<double>(row.payload) * static_cast<double>(one.count) / one.seconds / 1e6;
  });
  return rate ? fmt::format("{:.0f} MB/s", rate->middle) : "";
}

}  // namespace

void print(const std::vector<Row>& rows, const std::string& compared_to) {
  fmt::print(
      "| job | who | p50 µs, or a second: median [min .. max] | besides | CPU µs each, driver / "
      "server | better than {} |\n| --- | --- | --- | --- | --- | --- |\n",
      compared_to);
  for (const Row& row : rows) {
    const auto base = std::find_if(rows.begin(), rows.end(), [&](const Row& other) {
      return other.job == row.job && other.contender == compared_to;
    });
    const auto better = base != rows.end() && &*base != &row ? ratio(row, *base) : std::nullopt;
    fmt::print("| {} | {} | {} | {} | {} | {} |\n", row.job, row.contender,
               in_words(spread_of(row, [&](const Outcome& one) { return figure(row, one); })),
               besides(row), cpu(row),
               better ? fmt::format("{:.2f} × [{:.2f} .. {:.2f}]", better->middle, better->least,
                                    better->most)
                      : "");
  }
}

}  // namespace remote_bench
