/// \file
/// The file of transfers.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coerce/actor.hpp>

namespace bank {

struct Transfer {
  std::int64_t id;
  std::string from;
  std::string to;
  std::int64_t amount;
};

constexpr std::int64_t max_amount = 1'000'000'000;  ///< of a transfer; keeps sums far from overflow
constexpr std::size_t max_accounts = 100'000;       ///< of a file
constexpr std::size_t max_line_length = 256;
constexpr std::int64_t opening_balance = 1'000;  ///< what every account begins with

/// What a line "id from to amount" says: a transfer, nothing (a blank line or a comment), or what
/// is wrong with it.
coerce::Result<std::optional<Transfer>, std::string_view> parse_transfer(std::string_view line);

/// Reads the transfers of a file. Counts bad lines, and keeps words on the first twenty of them.
class TransferReader {
 public:
  explicit TransferReader(const std::string& path) : file_(path) {}

  bool is_open() const { return file_.is_open(); }
  /// Whether the file ended with an error rather than at its end.
  bool failed() const { return file_.bad(); }

  /// The next transfer; none at the end. Ids grow: a line whose id does not is a bad one, so a
  /// number says for good which transfers come before it.
  std::optional<Transfer> next();

  std::size_t bad_lines() const { return bad_lines_; }
  const std::vector<std::string>& reports() const { return reports_; }

 private:
  static constexpr std::size_t max_reports = 20;

  std::optional<std::string_view> next_line();
  void report(std::string_view reason);

  std::ifstream file_;
  std::array<char, max_line_length + 1> buffer_{};
  bool line_is_too_long_ = false;
  std::size_t line_number_ = 0;
  std::int64_t last_id_ = 0;
  std::size_t bad_lines_ = 0;
  std::vector<std::string> reports_;
};

/// What a look through the whole file finds.
struct Overview {
  std::vector<std::string> accounts;  ///< in alphabetical order
  std::size_t transfers = 0;
  std::size_t bad_lines = 0;
  std::vector<std::string> reports;
};
coerce::Result<Overview, std::string> look_through(const std::string& path);

}  // namespace bank
