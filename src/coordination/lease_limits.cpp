#include "coordination/lease_limits.hpp"

#include <chrono>

#include <fmt/format.h>

namespace coerce::detail {

namespace {

std::optional<LeaseErr> check_size(std::string_view what, std::size_t size, std::size_t most) {
  if (size > 0 && size <= most) return std::nullopt;
  return LeaseErr(LeaseErr::Kind::Limit,
                  fmt::format("{} of {} bytes; 1 to {} are allowed", what, size, most));
}

}  // namespace

std::optional<LeaseErr> check_lease(const LeaseLimits& limits, std::string_view name,
                                    std::string_view owner) {
  if (auto bad = check_size("a name", name.size(), limits.max_name_bytes)) return bad;
  return check_size("an owner", owner.size(), limits.max_name_bytes);
}

std::optional<LeaseErr> check_lease(const LeaseLimits& limits, std::string_view name,
                                    std::string_view owner, Duration ttl) {
  if (auto bad = check_lease(limits, name, owner)) return bad;
  if (ttl >= limits.min_ttl && ttl <= limits.max_ttl) return std::nullopt;
  using Milliseconds = std::chrono::duration<double, std::milli>;
  return LeaseErr(
      LeaseErr::Kind::Limit,
      fmt::format("a time to live of {} ms; {} to {} are allowed", Milliseconds(ttl).count(),
                  Milliseconds(limits.min_ttl).count(), Milliseconds(limits.max_ttl).count()));
}

}  // namespace coerce::detail
