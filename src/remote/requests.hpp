/// \file
/// The requests of a peer that wait for an answer.

#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <coerce/remote/detail/remote_handler.hpp>
#include <coerce/runtime/detail/spin_lock.hpp>

namespace coerce::detail {

/// A request whose answer has not come.
struct WaitingRequest {
  ReplyEnvelope* asker = nullptr;  ///< belongs to whoever takes the request out of the table
  const RemoteHandler* handler = nullptr;
  TimePoint sent{};
  TimePoint deadline{};
  std::uint32_t link = 0;  ///< the number of the link that carries it
};

/// A table of slots, named by numbers that do not come again for a long time: an answer that is too
/// late finds nothing. Bounded; thread-safe: each request is taken by exactly one party.
class Requests {
 public:
  explicit Requests(std::size_t limit) noexcept : limit_(limit) {}

  /// Its number; 0: there are as many as may be.
  std::uint64_t add(const WaitingRequest& request);
  std::optional<WaitingRequest> take(std::uint64_t number) noexcept;
  /// Up to `into.size()` of those that a link carries; how many. `from` is 0 at first and says then
  /// where to go on.
  std::size_t take_of_link(std::uint32_t link, std::span<WaitingRequest> into,
                           std::uint32_t& from) noexcept;
  /// Up to `into.size()` of those whose deadline has passed. \pre `now` never goes back
  std::size_t take_expired(TimePoint now, std::span<WaitingRequest> into) noexcept;
  /// Not later than the first deadline and the width of a bucket; max: nobody waits.
  /// \pre take_expired() has given 0 just before
  TimePoint look_again() noexcept;
  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  static constexpr std::size_t kBlock = 256;
  /// Slots hang in the bucket of their deadline; those of the next turn of the wheel too.
  static constexpr std::size_t kBuckets = 128;
  static constexpr Duration kBucketWidth = std::chrono::milliseconds(64);

  struct Slot {
    WaitingRequest request;
    std::uint32_t tag = 1;
    bool used = false;
    std::uint32_t next = kNone;  ///< in the bucket or the list of free ones
    std::uint32_t previous = kNone;
  };

  Slot& slot(std::uint32_t index) noexcept { return blocks_[index / kBlock][index % kBlock]; }
  static std::int64_t bucket_of(TimePoint time) noexcept {
    return time.time_since_epoch() / kBucketWidth;
  }
  std::uint32_t& head(TimePoint deadline) noexcept {
    return buckets_[static_cast<std::uint64_t>(bucket_of(deadline)) % kBuckets];
  }
  WaitingRequest release(std::uint32_t index) noexcept;

  const std::size_t limit_;
  std::atomic<std::size_t> size_{0};  ///< written under the lock
  SpinLock lock_;
  std::vector<std::unique_ptr<Slot[]>> blocks_;
  std::uint32_t made_ = 0;  ///< slots that have been in use once
  std::uint32_t free_ = kNone;
  std::array<std::uint32_t, kBuckets> buckets_ = [] {
    std::array<std::uint32_t, kBuckets> empty;
    empty.fill(kNone);
    return empty;
  }();
  std::int64_t swept_ = 0;  ///< buckets before it hold nothing that is due
};

}  // namespace coerce::detail
