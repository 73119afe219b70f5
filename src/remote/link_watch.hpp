/// \file
/// When a link is to ping, and when it is to be given up.

#pragma once

#include <cstdint>

#include "remote/options.hpp"

namespace coerce::detail {

/// Looks at a link from time to time: does the peer take what is written, and does anything come
/// from it? For the one task that asks.
class LinkWatch {
 public:
  LinkWatch(const PeerOptions& options, TimePoint began) noexcept;

  /// A link as it is just now.
  struct Sight {
    std::uint64_t bytes_read = 0;
    std::uint64_t bytes_taken = 0;               ///< by the system below, of what is being written
    TimePoint writing_since = TimePoint::max();  ///< the write that is under way; max: none is
  };
  struct Advice {
    bool ping = false;
    const char* give_up = nullptr;  ///< why, if it is to end
  };
  Advice look(const Sight& sight, TimePoint now) noexcept;
  /// When to look again.
  TimePoint next() const noexcept { return next_; }

 private:
  void plan(const Sight& sight, TimePoint now) noexcept;
  TimePoint progressed(const Sight& sight) const noexcept;

  const PeerOptions options_;
  TimePoint next_;
  TimePoint next_ping_;
  TimePoint heard_;
  TimePoint progressed_;
  std::uint64_t read_ = 0;
  std::uint64_t taken_ = 0;
};

}  // namespace coerce::detail
