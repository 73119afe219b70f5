#include "remote/seed_names.hpp"

#include <algorithm>
#include <set>

#include "remote/address.hpp"

namespace coerce::detail {

namespace {

bool is_v6(const std::string& address) noexcept { return address.starts_with('['); }

// What cannot be read stays as it is: dialling it tells what is wrong.
bool is_name(const std::string& seed) {
  const auto parsed = parse_address(seed);
  return parsed && !is_number(parsed->host);
}

// A name of the machine itself is the same tomorrow.
bool may_get_more(const std::string& name) {
  const auto parsed = parse_address(name);
  return !parsed || !is_loopback(parsed->host);
}

}  // namespace

SeedNames::SeedNames(std::vector<std::string> seeds, std::string own) : prefers_v6_(is_v6(own)) {
  for (std::string& seed : seeds) {
    if (is_name(seed))
      named_[std::move(seed)];
    else
      fixed_.push_back(std::move(seed));
  }
}

std::vector<std::string> SeedNames::names() const {
  std::vector<std::string> names;
  for (const auto& [name, addresses] : named_) names.push_back(name);
  return names;
}

std::size_t SeedNames::take(const std::string& name, std::vector<std::string> addresses) {
  const auto place = named_.find(name);
  if (place == named_.end() || addresses.empty()) return 0;
  std::ranges::sort(addresses);
  const auto same = std::ranges::unique(addresses);
  addresses.erase(same.begin(), same.end());
  const auto voiced = voices(addresses);
  std::vector<std::string> kept(voiced);
  for (std::string& address : addresses)  // those without a voice last: they go first
    if (!std::ranges::binary_search(voiced, address)) kept.push_back(std::move(address));
  const std::size_t found = kept.size();
  if (found > kMostAddressesOfASeed) kept.resize(kMostAddressesOfASeed);
  place->second = std::move(kept);
  return found - place->second.size();
}

std::vector<std::string> SeedNames::voices(const std::vector<std::string>& addresses) const {
  const bool has_preferred = std::ranges::any_of(
      addresses, [&](const std::string& address) { return is_v6(address) == prefers_v6_; });
  std::vector<std::string> voiced;
  for (const std::string& address : addresses)
    if (!has_preferred || is_v6(address) == prefers_v6_) voiced.push_back(address);
  return voiced;
}

std::map<std::string, std::string> SeedNames::targets() const {
  std::map<std::string, std::string> targets;
  for (const std::string& seed : fixed_) targets.emplace(seed, seed);
  for (const auto& [name, addresses] : named_)
    for (const std::string& address : addresses) targets.emplace(address, name);
  return targets;
}

std::vector<SeedPlace> SeedNames::places() const {
  std::map<std::string, SeedPlace> places;
  for (const std::string& seed : fixed_) places[seed].address = seed;
  for (const auto& [name, addresses] : named_) {
    const bool is_unknown = addresses.empty();
    for (const std::string& address : is_unknown ? std::vector{name} : voices(addresses)) {
      SeedPlace& place = places[address];
      place.address = address;
      place.is_of_name = place.is_of_name || may_get_more(name);
    }
  }
  std::vector<SeedPlace> all;
  for (auto& [address, place] : places) all.push_back(std::move(place));
  return all;
}

}  // namespace coerce::detail
