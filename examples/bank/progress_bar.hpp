/// \file
/// Shows how far the bank is.

#pragma once

#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>

#include <fmt/format.h>

namespace bank {

/// A bar on a terminal, redrawn ten times a second at most; elsewhere a line for each tenth of the
/// way. Begins where an earlier run has ended.
class ProgressBar {
 public:
  ProgressBar(std::size_t total, std::size_t done)
      : total_(total), tenth_(tenth_of(done)), on_terminal_(isatty(STDOUT_FILENO) == 1) {}

  void show(std::size_t done) {
    const auto now = std::chrono::steady_clock::now();
    const bool finished = done == total_;
    if (on_terminal_ && (finished || now - shown_ >= std::chrono::milliseconds(100))) {
      shown_ = now;
      const std::size_t filled = total_ == 0 ? width : done * width / total_;
      fmt::print("\r[{:#<{}}{:.<{}}] {} of {}{}", "", filled, "", width - filled, done, total_,
                 finished ? "\n" : "");
      std::fflush(stdout);
    } else if (!on_terminal_ && tenth_of(done) != tenth_) {
      tenth_ = tenth_of(done);
      fmt::print("{} of {} transfers settled\n", done, total_);
      std::fflush(stdout);
    }
  }

 private:
  static constexpr std::size_t width = 40;

  std::size_t tenth_of(std::size_t done) const { return total_ == 0 ? 0 : done * 10 / total_; }

  std::size_t total_;
  std::size_t tenth_;
  bool on_terminal_;
  std::chrono::steady_clock::time_point shown_{};
};

}  // namespace bank
