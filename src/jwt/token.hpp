/// \file
/// What the token for one connection says.

#pragma once

#include <string>

#include <coerce/actor/error.hpp>
#include <coerce/remote/authenticator.hpp>

#include "jwt/claims.hpp"

namespace coerce::detail {

struct TokenTerms {
  std::string issuer;
  Duration ttl{};
  Duration clock_skew{};
};

/// For this connection, from facts.now on. Error: Unauthorised, if the clock cannot be right.
Result<Claims> claims_for(const HelloFacts& facts, const TokenTerms& terms);
/// Were these claims made for this connection, and does facts.now lie within their time? What they
/// say besides is of no concern. Error: Unauthorised.
Result<void> check_claims(const Claims& claims, const HelloFacts& facts, const TokenTerms& terms);

}  // namespace coerce::detail
