#include "jwt/token.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "jwt/base64url.hpp"

namespace coerce::detail {

namespace {

using std::chrono::seconds;

constexpr seconds kLongestLife(60);
/// The year 2242: beyond, seconds do not fit into a Duration.
constexpr std::uint64_t kLatest = std::uint64_t{1} << 33;
constexpr std::string_view kHashed = "sha256:";

auto refuse(std::string text) {
  return coerce::unexpected(ActorRefErr::Unauthorised(std::move(text)));
}

/// A name as it is if it is fit for JSON, and for a "/" behind it; otherwise its hash, which is
/// short, so that a token always fits into a proof.
std::string cluster_text(const std::string& name) {
  const bool is_plain = std::ranges::all_of(
      name, [](char c) { return c >= ' ' && c < '\x7f' && c != '"' && c != '\\' && c != '/'; });
  if (is_plain && !name.starts_with(kHashed)) return name;
  std::array<std::uint8_t, 32> digest{};
  EVP_Digest(name.data(), name.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return std::string(kHashed) + to_base64url(digest);
}

std::string node_text(NodeId id, const Incarnation& incarnation) {
  return fmt::format("{}.{}.{}", id, incarnation.started, incarnation.random);
}

/// Everything but the time.
Claims bound_to(const HelloFacts& facts, const TokenTerms& terms) {
  Claims claims;
  claims["iss"] = terms.issuer;
  claims["sub"] = node_text(facts.prover_id, facts.prover_incarnation);
  claims["aud"] =
      cluster_text(facts.cluster) + "/" + node_text(facts.verifier_id, facts.verifier_incarnation);
  claims["role"] = std::string(facts.prover == HelloFacts::Role::Dial ? "dial" : "listen");
  claims["nonce"] = to_base64url(facts.prover_nonce);
  claims["peer_nonce"] = to_base64url(facts.verifier_nonce);
  claims["hello"] = to_base64url(facts.transcript);
  claims["tls"] = facts.channel_binding ? to_base64url(*facts.channel_binding) : std::string();
  return claims;
}

std::string_view what_differs(std::string_view claim) {
  if (claim == "iss") return "it comes from another issuer";
  if (claim == "sub") return "it is of another node";
  if (claim == "aud") return "it was made for another node or cluster";
  if (claim == "role") return "it is of the wrong side of the connection";
  return "it was made for another connection";
}

std::optional<seconds> time_of(const Claims& claims, std::string_view name) {
  const auto place = claims.find(name);
  if (place == claims.end()) return std::nullopt;
  const auto* value = std::get_if<std::uint64_t>(&place->second);
  if (value == nullptr || *value > kLatest) return std::nullopt;
  return seconds(static_cast<seconds::rep>(*value));
}

constexpr const char* kWrongClock = "the wall clock of this node is wrong by decades";

bool is_sound(Duration now) {
  return now.count() >= 0 && now < seconds(static_cast<seconds::rep>(kLatest));
}

Result<void> check_time(const Claims& claims, Duration now, Duration skew) {
  if (!is_sound(now)) return refuse(kWrongClock);
  const auto begin = time_of(claims, "nbf");
  const auto end = time_of(claims, "exp");
  if (!begin || !end) return refuse("the token does not say when it can be used (nbf, exp)");
  if (*end <= *begin || *end - *begin > kLongestLife)
    return refuse(fmt::format("the token can be used for {} s, which is not from 1 to {}",
                              (*end - *begin).count(), kLongestLife.count()));
  if (now + skew < *begin)
    return refuse("the token cannot be used yet (nbf): are the clocks apart?");
  if (now - skew >= *end) return refuse("the token has expired (exp), or the clocks are apart");
  return {};
}

}  // namespace

Result<Claims> claims_for(const HelloFacts& facts, const TokenTerms& terms) {
  const auto now = std::chrono::floor<seconds>(facts.now.time_since_epoch());
  const auto end = now + std::chrono::ceil<seconds>(terms.ttl);
  if (now.count() < 0 || static_cast<std::uint64_t>(end.count()) > kLatest)
    return refuse(kWrongClock);
  Claims claims = bound_to(facts, terms);
  claims["nbf"] = static_cast<std::uint64_t>(now.count());
  claims["exp"] = static_cast<std::uint64_t>(end.count());
  return claims;
}

Result<void> check_claims(const Claims& claims, const HelloFacts& facts, const TokenTerms& terms) {
  for (const auto& [name, value] : bound_to(facts, terms)) {
    const auto place = claims.find(name);
    if (place == claims.end()) return refuse(fmt::format("the token does not say '{}'", name));
    if (place->second != value)
      return refuse(fmt::format("the token is not for this: {} ({})", what_differs(name), name));
  }
  return check_time(claims, facts.now.time_since_epoch(), terms.clock_skew);
}

}  // namespace coerce::detail
