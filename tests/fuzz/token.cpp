// Tokens. The first byte says whether the rest is one, or what one says.

#include <cstdint>
#include <string>

#include <coerce/jwt.hpp>

#include "demand.hpp"
#include "jwt/base64url.hpp"
#include "jwt/claims.hpp"
#include "jwt/token.hpp"

namespace {

using namespace coerce;
using namespace coerce::detail;
using fuzz::demand;

HelloFacts facts() {
  HelloFacts facts;
  facts.prover = HelloFacts::Role::Dial;
  facts.cluster = "cluster";
  facts.prover_id = 7;
  facts.verifier_id = 9;
  facts.now = WallTime(std::chrono::hours(24 * 365 * 55));
  return facts;
}

void try_token(BytesView bytes) {
  static const auto authenticator = jwt_authenticator(JwtOptions::shared_secret("nobody knows it"));
  demand(!authenticator->verify(facts(), bytes), "a token was forged");
}

void try_claims(std::string_view json) {
  const auto claims = read_claims(json);
  if (!claims) return;
  demand(claims->size() <= kMostClaims, "more than may be said");
  demand(read_claims(to_json(*claims)) == claims, "claims that are others");
  (void)check_claims(*claims, facts(), {"coerce", std::chrono::seconds(60), Duration::zero()});
}

void try_base64url(std::string_view text) {
  if (const auto bytes = from_base64url(text))
    demand(to_base64url(*bytes) == text, "two texts of the same bytes");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const BytesView bytes(data + 1, size - 1);
  if (data[0] % 3 == 0) try_token(bytes);
  if (data[0] % 3 == 1) try_claims(text_of(bytes));
  if (data[0] % 3 == 2) try_base64url(text_of(bytes));
  return 0;
}
