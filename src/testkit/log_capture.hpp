/// \file
/// Lines that are logged while a test runs.

#pragma once

#include <deque>
#include <string>

#include <coerce/testkit/test_system.hpp>

namespace coerce::testkit::detail {

struct LogLine {
  LogLevel level;
  std::string text;
};

/// While it lives it takes what its thread logs through the default logger. Systems of other
/// threads are not seen.
class LogCapture {
 public:
  explicit LogCapture(bool show);
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  ~LogCapture();

  static constexpr std::size_t kMostLines = 10'000;  ///< then the oldest are forgotten

  const bool show;
  std::deque<LogLine> lines;
};

}  // namespace coerce::testkit::detail
