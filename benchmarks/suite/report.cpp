#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace suite {
namespace {

/// Two digits that count, at least.
std::string number(double value) {
  if (value >= 100) return fmt::format("{:.0f}", value);
  if (value >= 1) return fmt::format("{:.1f}", value);
  if (value >= 0.001) return fmt::format("{:.2g}", value);
  return "< 0.001";
}

std::string_view in_words(std::optional<bool> met) {
  if (!met) return "";
  return *met ? "yes" : "**no**";
}

}  // namespace

double minimum(const std::vector<double>& numbers) {
  return *std::min_element(numbers.begin(), numbers.end());
}

double median(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  const auto middle = numbers.size() / 2;
  return numbers.size() % 2 == 1 ? numbers[middle] : (numbers[middle - 1] + numbers[middle]) / 2;
}

std::optional<double> Measured::ratio_to_limit() const {
  if (figure.unit != "ns") return {};
  return minimum(numbers) / minimum(limits);
}

std::optional<double> Measured::cpu_ratio_to_limit() const {
  if (cpu_ns.empty()) return {};
  return minimum(cpu_ns) / minimum(cpu_limits);
}

std::string Measured::target() const {
  switch (figure.target.unit) {
    case Target::Unit::None:
      return "";
    case Target::Unit::Absolute:
      return fmt::format("{:g} {}", figure.target.at_most, figure.unit);
    case Target::Unit::Limit:
      return workers == 1 ? fmt::format("{:g} L", figure.target.at_most) : "";
    case Target::Unit::Rival:
      return fmt::format("{:g} × {}", figure.target.at_most, figure.target.rival);
  }
  return "";
}

std::optional<bool> Measured::met() const {
  switch (figure.target.unit) {
    case Target::Unit::None:
      return {};
    case Target::Unit::Absolute:
      return minimum(numbers) <= figure.target.at_most;
    case Target::Unit::Limit:
      if (workers != 1) return {};
      return cpu_ratio_to_limit().value() <= figure.target.at_most;
    case Target::Unit::Rival:
      if (!rival) return {};
      return minimum(numbers) <= figure.target.at_most * *rival;
  }
  return {};
}

void print_json(std::FILE* file, const std::vector<Measured>& all) {
  for (const Measured& one : all) {
    std::string line = fmt::format(
        R"({{"figure":"{}","workers":{},"unit":"{}","runs":{},"min":{:.5g},"median":{:.5g},"limit_ns":{:.2f})",
        one.figure.name, one.workers, one.figure.unit, one.numbers.size(), minimum(one.numbers),
        median(one.numbers), minimum(one.limits));
    if (const auto ratio = one.ratio_to_limit()) line += fmt::format(R"(,"ratio":{:.2f})", *ratio);
    if (const auto ratio = one.cpu_ratio_to_limit())
      line +=
          fmt::format(R"(,"min_cpu_ns":{:.5g},"cpu_ratio":{:.2f})", minimum(one.cpu_ns), *ratio);
    if (const auto met = one.met())
      line += fmt::format(R"(,"target":"{}","met":{})", one.target(), *met);
    fmt::print(file, "{}}}\n", line);
  }
}

void print_table(std::FILE* file, const std::vector<Measured>& all) {
  fmt::print(
      file,
      "| figure | workers | minimum | median | unit | L | minimum/L | CPU | CPU/L | target | "
      "met | runs |\n"
      "| --- | --: | --: | --: | --- | --: | --: | --: | --: | --- | --- | --: |\n");
  const auto ratio = [](std::optional<double> value) {
    return value ? fmt::format("{:.2f}", *value) : "";
  };
  for (const Measured& one : all) {
    fmt::print(file, "| {} | {} | {} | {} | {} | {:.1f} | {} | {} | {} | {} | {} | {} |\n",
               one.figure.name, one.workers, number(minimum(one.numbers)),
               number(median(one.numbers)), one.figure.unit, minimum(one.limits),
               ratio(one.ratio_to_limit()), one.cpu_ns.empty() ? "" : number(minimum(one.cpu_ns)),
               ratio(one.cpu_ratio_to_limit()), one.target().empty() ? "" : "≤ " + one.target(),
               in_words(one.met()), one.numbers.size());
  }
}

}  // namespace suite
