// The tokens are those of RFC 7519: another implementation reads and writes them.

#include <coerce/jwt.hpp>

#include <catch2/catch.hpp>

#include <fstream>

#include "facts.hpp"
#include "jwt/base64url.hpp"
#include "jwt/claims.hpp"

#include <jwt/jwt.hpp>

namespace coerce::test::interoperability_cases {
namespace {

const std::string kSecret = "a secret of more than thirty-two bytes";

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Their library reads the clock of the machine.
HelloFacts facts_now() {
  HelloFacts facts = dialler_facts();
  facts.now = SystemClock().wall_now();
  return facts;
}

std::string made(const std::shared_ptr<Authenticator>& authenticator, const HelloFacts& facts) {
  return std::string(text_of(authenticator->prove(facts).value()));
}

void check_theirs_reads_ours(const JwtOptions& options, const std::string& algorithm,
                             const std::string& key) {
  namespace params = ::jwt::params;
  const auto facts = facts_now();
  const auto token = made(jwt_authenticator(options), facts);
  std::error_code error;
  auto read = ::jwt::decode(token, params::algorithms({algorithm}), error, params::secret(key),
                            params::issuer("coerce"), params::verify(true));
  INFO(algorithm << ": " << error.message());
  REQUIRE_FALSE(error);
  CHECK(read.payload().get_claim_value<std::string>("role") == "dial");
  CHECK(read.payload().get_claim_value<std::string>("sub").starts_with("7."));

  (void)::jwt::decode(token, params::algorithms({algorithm}), error, params::secret(key),
                      params::issuer("another"), params::verify(true));
  CHECK(error);
}

/// Lets the other library sign what this one says.
std::string signed_by_theirs(const std::string& token, const std::string& algorithm,
                             const std::string& key) {
  namespace params = ::jwt::params;
  const auto begin = token.find('.') + 1;
  const auto payload = detail::from_base64url(token.substr(begin, token.rfind('.') - begin));
  const auto header = detail::from_base64url(token.substr(0, begin - 1));
  const auto claims = detail::read_claims(text_of(payload.value())).value();
  ::jwt::jwt_object object{params::algorithm(algorithm), params::secret(key)};
  for (const auto& [name, value] : claims)
    std::visit([&, key_name = name](const auto& it) { object.add_claim(key_name, it); }, value);
  const auto header_claims = detail::read_claims(text_of(header.value())).value();
  if (const auto kid = header_claims.find("kid"); kid != header_claims.end())
    object.header().add_header("kid", std::get<std::string>(kid->second));
  return object.signature();
}

void check_ours_reads_theirs(const JwtOptions& options, const std::string& algorithm,
                             const std::string& key) {
  const auto authenticator = jwt_authenticator(options);
  const auto facts = facts_now();
  const auto theirs = signed_by_theirs(made(authenticator, facts), algorithm, key);
  INFO(algorithm << ": " << theirs);
  const auto checked = authenticator->verify(facts, bytes_of(theirs));
  CHECK(checked);
  auto forged = theirs;
  forged[forged.size() - 2] ^= 1;
  CHECK_FALSE(authenticator->verify(facts, bytes_of(forged)));
}

}  // namespace

TEST_CASE("tokens with HS256 are understood by another implementation, and its by ours",
          "[jwt][interoperability]") {
  check_theirs_reads_ours(JwtOptions::shared_secret(kSecret), "HS256", kSecret);
  check_ours_reads_theirs(JwtOptions::shared_secret(kSecret), "HS256", kSecret);
}

TEST_CASE("tokens with RS256 are understood by another implementation, and its by ours",
          "[jwt][interoperability]") {
  KeyFiles keys;
  keys.make_rsa("rsa");
  check_theirs_reads_ours(JwtOptions::rs256(keys.key("rsa")), "RS256", contents(keys.pub("rsa")));
  check_ours_reads_theirs(JwtOptions::rs256(keys.key("rsa")), "RS256", contents(keys.key("rsa")));
}

TEST_CASE("tokens with ES256 are understood by another implementation, and its by ours",
          "[jwt][interoperability]") {
  KeyFiles keys;
  keys.make_ec("ec");
  check_theirs_reads_ours(JwtOptions::es256(keys.key("ec")), "ES256", contents(keys.pub("ec")));
  check_ours_reads_theirs(JwtOptions::es256(keys.key("ec")), "ES256", contents(keys.key("ec")));
}

}  // namespace coerce::test::interoperability_cases
