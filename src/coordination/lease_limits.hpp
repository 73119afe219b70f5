/// \file
/// What every lease store refuses before it looks at anything else.

#pragma once

#include <optional>
#include <string_view>

#include <coerce/coordination/lease_store.hpp>

namespace coerce::detail {

std::optional<LeaseErr> check_lease(const LeaseLimits& limits, std::string_view name,
                                    std::string_view owner);
std::optional<LeaseErr> check_lease(const LeaseLimits& limits, std::string_view name,
                                    std::string_view owner, Duration ttl);

}  // namespace coerce::detail
