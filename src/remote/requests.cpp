#include "remote/requests.hpp"

#include <algorithm>
#include <mutex>

namespace coerce::detail {

std::uint64_t Requests::add(const WaitingRequest& request) {
  const std::lock_guard guard(lock_);
  if (size() >= limit_) return 0;
  std::uint32_t index = free_;
  if (index != kNone) {
    free_ = slot(index).next;
  } else {
    index = made_;
    if (index % kBlock == 0) blocks_.push_back(std::make_unique<Slot[]>(kBlock));
    ++made_;
  }
  size_.store(size() + 1, std::memory_order_relaxed);
  Slot& mine = slot(index);
  mine.request = request;
  mine.used = true;
  std::uint32_t& first = head(request.deadline);
  mine.previous = kNone;
  mine.next = first;
  if (first != kNone) slot(first).previous = index;
  first = index;
  // One with a deadline that has passed: the sweep has to look there again.
  swept_ = std::min(swept_, bucket_of(request.deadline));
  return (std::uint64_t{mine.tag} << 32) | index;
}

WaitingRequest Requests::release(std::uint32_t index) noexcept {
  Slot& mine = slot(index);
  if (mine.previous != kNone)
    slot(mine.previous).next = mine.next;
  else
    head(mine.request.deadline) = mine.next;
  if (mine.next != kNone) slot(mine.next).previous = mine.previous;
  mine.used = false;
  if (++mine.tag == 0) mine.tag = 1;
  mine.next = free_;
  free_ = index;
  size_.store(size() - 1, std::memory_order_relaxed);
  return mine.request;
}

std::optional<WaitingRequest> Requests::take(std::uint64_t number) noexcept {
  const auto index = static_cast<std::uint32_t>(number);
  const std::lock_guard guard(lock_);
  if (index >= made_) return std::nullopt;
  const Slot& found = slot(index);
  if (!found.used || found.tag != number >> 32) return std::nullopt;
  return release(index);
}

std::size_t Requests::take_of_link(std::uint32_t link, std::span<WaitingRequest> into,
                                   std::uint32_t& from) noexcept {
  std::size_t count = 0;
  const std::lock_guard guard(lock_);
  for (; from < made_ && size() > 0 && count < into.size(); ++from) {
    const Slot& one = slot(from);
    if (one.used && one.request.link == link) into[count++] = release(from);
  }
  return count;
}

std::size_t Requests::take_expired(TimePoint now, std::span<WaitingRequest> into) noexcept {
  std::size_t count = 0;
  const std::lock_guard guard(lock_);
  const std::int64_t last = bucket_of(now);
  // A turn of the wheel sees every slot.
  std::int64_t bucket = std::max(swept_, last - static_cast<std::int64_t>(kBuckets) + 1);
  for (; bucket <= last && size() > 0; ++bucket) {
    std::uint32_t next = buckets_[static_cast<std::uint64_t>(bucket) % kBuckets];
    while (next != kNone) {
      const std::uint32_t index = std::exchange(next, slot(next).next);
      if (slot(index).request.deadline > now) continue;
      if (count == into.size()) {
        swept_ = bucket;
        return count;
      }
      into[count++] = release(index);
    }
  }
  swept_ = last;  // what is due later in this very bucket
  return count;
}

TimePoint Requests::look_again() noexcept {
  const std::lock_guard guard(lock_);
  if (size() == 0) return TimePoint::max();
  std::int64_t bucket = swept_;
  while (buckets_[static_cast<std::uint64_t>(bucket) % kBuckets] == kNone) ++bucket;
  return TimePoint(kBucketWidth * (bucket + 1));  // at its end, so that one look takes all of it
}

}  // namespace coerce::detail
