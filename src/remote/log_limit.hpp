/// \file
/// Lines of the log that others cause, limited.

#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include <coerce/actor/node_id.hpp>
#include <coerce/runtime/clock.hpp>
#include <coerce/runtime/detail/spin_lock.hpp>

namespace coerce::detail {

/// Lets some lines of the log pass. Thread-safe.
class LogLimit {
 public:
  /// So many lines within a second, and as many more as the burst allows.
  explicit LogLimit(unsigned per_second = 5, unsigned burst = 50) noexcept
      : per_second_(per_second), burst_(burst), left_(burst) {}

  bool pass(TimePoint now) noexcept;

 private:
  const unsigned per_second_;
  const unsigned burst_;
  SpinLock lock_;
  double left_;
  std::optional<TimePoint> last_;
};

/// Who causes a line.
struct LogSource {
  /// Somebody who has not proven who it is.
  static LogSource stranger(std::string_view host) { return {true, std::string(host)}; }
  static LogSource node(NodeId id) { return {false, std::to_string(id)}; }
  /// Where a node is, or shall be.
  static LogSource address(std::string_view address) { return {false, std::string(address)}; }

  bool is_stranger = false;
  std::string name;
};

/// A limit for each source, so that none silences the others, and one for all of them together.
/// Remembers the sources that it has heard of last, a bounded number. Thread-safe.
class SourceLimits {
 public:
  static constexpr std::size_t kMostSources = 256;

  /// None: not this one. Otherwise how many were left out, of all sources, since the last one that
  /// passed.
  std::optional<std::uint64_t> pass(const std::string& source, TimePoint now);

 private:
  struct Source {
    LogLimit limit;
    TimePoint heard{};
  };
  Source& source(const std::string& name);

  std::mutex mutex_;
  std::map<std::string, Source> sources_;
  LogLimit all_{50, 500};
  std::uint64_t left_out_ = 0;
};

}  // namespace coerce::detail
