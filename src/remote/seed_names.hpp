/// \file
/// The addresses behind the seeds that a node was given.

#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <coerce/codec/bytes.hpp>
#include <coerce/runtime/clock.hpp>

#include "remote/membership.hpp"

namespace coerce::detail {

/// How long after an answer a name is looked up again: so long may a new node be overlooked.
inline constexpr Duration kNameLookedUpAgain = std::chrono::seconds(2);
/// Addresses of one name that are looked at: the lowest ones, which are the same for all nodes.
inline constexpr std::size_t kMostAddressesOfASeed = 64;

/// A seed stands for as many places as its name has addresses. Of a name with IPv4 and IPv6
/// addresses, those of the other family are the same nodes once more: they are dialled, but have no
/// voice. A name that has never been found is one place, where nobody answers. Not thread-safe.
class SeedNames {
 public:
  /// `own`: where this node is reached, whose family has the voices; if that is a name, IPv4.
  SeedNames(std::vector<std::string> seeds, std::string own);

  /// The seeds that have to be looked up.
  std::vector<std::string> names() const;
  /// What a look-up has found; nothing: the name keeps the addresses that it had. Returns how many
  /// addresses were too many.
  std::size_t take(const std::string& name, std::vector<std::string> addresses);

  /// Where to dial, and the seed behind it, as it was given: certificates are for that name.
  std::map<std::string, std::string> targets() const;
  /// Each place once.
  std::vector<SeedPlace> places() const;

 private:
  std::vector<std::string> voices(const std::vector<std::string>& addresses) const;

  std::vector<std::string> fixed_;
  std::map<std::string, std::vector<std::string>> named_;
  bool prefers_v6_;
};

}  // namespace coerce::detail
