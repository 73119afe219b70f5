/// \file
/// What a token says, as JSON.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace coerce::detail {

inline constexpr std::size_t kMostClaims = 32;

/// Texts and whole numbers by name: tokens of nodes have nothing else.
using Claims = std::map<std::string, std::variant<std::string, std::uint64_t>, std::less<>>;

/// \pre all texts are UTF-8
std::string to_json(const Claims& claims);
/// None unless `json` is one flat object of at most kMostClaims texts and whole numbers from 0 to
/// 2^64 - 1, none of them named twice.
std::optional<Claims> read_claims(std::string_view json);

}  // namespace coerce::detail
