#include "remote/log_limit.hpp"

#include <algorithm>
#include <utility>

namespace coerce::detail {

bool LogLimit::pass(TimePoint now) noexcept {
  const std::lock_guard guard(lock_);
  if (last_) {
    const double seconds = std::chrono::duration<double>(now - *last_).count();
    left_ = std::min<double>(burst_, left_ + seconds * per_second_);
  }
  last_ = now;
  if (left_ < 1) return false;
  left_ -= 1;
  return true;
}

std::optional<std::uint64_t> SourceLimits::pass(const std::string& name, TimePoint now) {
  const std::lock_guard guard(mutex_);
  Source& its = source(name);
  its.heard = now;
  if (its.limit.pass(now) && all_.pass(now)) return std::exchange(left_out_, 0);
  ++left_out_;
  return std::nullopt;
}

SourceLimits::Source& SourceLimits::source(const std::string& name) {
  if (sources_.size() >= kMostSources && !sources_.contains(name))
    sources_.erase(
        std::ranges::min_element(sources_, {}, [](const auto& one) { return one.second.heard; }));
  return sources_[name];
}

}  // namespace coerce::detail
