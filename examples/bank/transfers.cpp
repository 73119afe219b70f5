#include "transfers.hpp"

#include <algorithm>
#include <charconv>
#include <istream>
#include <limits>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace bank {

namespace {

using Parsed = coerce::Result<std::optional<Transfer>, std::string_view>;

Parsed bad(std::string_view reason) { return coerce::unexpected(reason); }

std::vector<std::string_view> words_of(std::string_view line) {
  constexpr std::string_view blanks = " \t\r";
  std::vector<std::string_view> words;
  for (;;) {
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    if (line.empty()) return words;
    const auto word = line.substr(0, line.find_first_of(blanks));
    words.push_back(word);
    line.remove_prefix(word.size());
  }
}

bool is_account_name(std::string_view word) {
  return std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

/// A whole number that fits into 64 bits.
coerce::Result<std::int64_t, std::errc> number_of(std::string_view word) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc()) return coerce::unexpected(error);
  if (end != word.data() + word.size()) return coerce::unexpected(std::errc::invalid_argument);
  return number;
}

}  // namespace

Parsed parse_transfer(std::string_view line) {
  const auto words = words_of(line);
  if (words.empty() || words.front().front() == '#') return std::nullopt;
  const auto id = number_of(words[0]);
  if (!id || *id <= 0) return bad("it does not begin with the number of a transfer");
  if (words.size() < 4) return bad("there are less than four fields");
  if (words.size() > 4) return bad("there are more than four fields");
  if (!is_account_name(words[1]) || !is_account_name(words[2]))
    return bad("an account's name is of small letters, digits and hyphens");
  if (words[1] == words[2]) return bad("both accounts are the same");

  const auto amount = number_of(words[3]);
  if (!amount && amount.error() == std::errc::invalid_argument)
    return bad("the amount is not a whole number");
  if (!amount || *amount > max_amount) return bad("the amount is too large");
  if (*amount <= 0) return bad("the amount is not above zero");
  return Transfer{*id, std::string(words[1]), std::string(words[2]), *amount};
}

std::optional<Transfer> TransferReader::next() {
  while (const auto line = next_line()) {
    auto parsed = line_is_too_long_ ? bad("the line is too long") : parse_transfer(*line);
    if (!parsed) {
      report(parsed.error());
    } else if (*parsed && (*parsed)->id <= last_id_) {
      report("its number is not above that of the transfer before");
    } else if (*parsed) {
      last_id_ = (*parsed)->id;
      return std::move(*parsed);
    }
  }
  return std::nullopt;
}

/// Of a line that is too long no more than the limit is kept in memory.
std::optional<std::string_view> TransferReader::next_line() {
  file_.getline(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  if (file_.bad() || (file_.eof() && file_.gcount() == 0)) return std::nullopt;
  ++line_number_;
  line_is_too_long_ = file_.fail();
  if (line_is_too_long_) {
    file_.clear();
    file_.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    return std::string_view();
  }
  const auto read = static_cast<std::size_t>(file_.gcount());
  return std::string_view(buffer_.data(), file_.eof() ? read : read - 1);  // less the newline
}

void TransferReader::report(std::string_view reason) {
  if (++bad_lines_ <= max_reports)
    reports_.push_back(fmt::format("line {}: {}", line_number_, reason));
}

coerce::Result<Overview, std::string> look_through(const std::string& path) {
  TransferReader reader(path);
  if (!reader.is_open()) return coerce::unexpected("cannot open " + path);
  Overview overview;
  std::set<std::string, std::less<>> accounts;
  while (auto transfer = reader.next()) {
    ++overview.transfers;
    accounts.insert(std::move(transfer->from));
    accounts.insert(std::move(transfer->to));
    if (accounts.size() > max_accounts)
      return coerce::unexpected(fmt::format("{} has more than {} accounts", path, max_accounts));
  }
  if (reader.failed()) return coerce::unexpected("cannot read " + path);
  overview.accounts.assign(accounts.begin(), accounts.end());
  overview.bad_lines = reader.bad_lines();
  overview.reports = reader.reports();
  return overview;
}

}  // namespace bank
