#include <coerce/jwt.hpp>

#include <catch2/catch.hpp>

#include <fstream>
#include <functional>

#include "facts.hpp"
#include "jwt/base64url.hpp"
#include "jwt/claims.hpp"
#include "jwt/key.hpp"

namespace coerce::test::token_cases {
namespace {

using Catch::Matchers::Contains;
using Change = std::function<void(HelloFacts&)>;

const std::string kSecret = "a secret of more than thirty-two bytes";
const std::string kOther = "quite another secret of enough bytes";

std::string made(const std::shared_ptr<Authenticator>& authenticator,
                 const HelloFacts& facts = dialler_facts()) {
  auto proof = authenticator->prove(facts);
  REQUIRE(proof);
  CHECK(proof->size() <= 2048);
  return std::string(text_of(*proof));
}

/// Why the token is refused; empty: it is not.
std::string refusal(const std::shared_ptr<Authenticator>& authenticator, const std::string& token,
                    const HelloFacts& facts = dialler_facts()) {
  auto checked = authenticator->verify(facts, bytes_of(token));
  if (checked) return {};
  CHECK(checked.error().kind() == ActorRefErr::Kind::Unauthorised);
  CHECK_FALSE(checked.error().detail().empty());
  return std::string(checked.error().detail());
}

std::string encoded(const std::string& text) { return detail::to_base64url(bytes_of(text)); }

/// A token of this header and payload with a good signature.
std::string signed_token(const std::string& payload,
                         const std::string& header = R"({"alg":"HS256","typ":"JWT"})") {
  std::string token = encoded(header) + "." + encoded(payload);
  const auto signature = detail::secret_key(kSecret)->sign(token);
  return token + "." + detail::to_base64url(signature.value());
}

/// The payload of a good token.
detail::Claims good_claims() {
  const auto token = made(jwt_authenticator(JwtOptions::shared_secret(kSecret)));
  const auto begin = token.find('.') + 1;
  const auto payload = detail::from_base64url(token.substr(begin, token.rfind('.') - begin));
  return detail::read_claims(text_of(payload.value())).value();
}

std::shared_ptr<Authenticator> shared(const std::string& secret = kSecret) {
  return jwt_authenticator(JwtOptions::shared_secret(secret));
}

}  // namespace

TEST_CASE("a token proves what it was made for, with each algorithm", "[jwt]") {
  KeyFiles keys;
  keys.make_rsa("rsa");
  keys.make_ec("ec");
  for (const auto& authenticator : {shared(), jwt_authenticator(JwtOptions::rs256(keys.key("rsa"))),
                                    jwt_authenticator(JwtOptions::es256(keys.key("ec")))}) {
    INFO(authenticator->name());
    for (int i = 0; i < 20; ++i) CHECK(refusal(authenticator, made(authenticator)) == "");
    HelloFacts plain = dialler_facts();
    plain.prover = HelloFacts::Role::Listen;
    plain.channel_binding.reset();
    CHECK(refusal(authenticator, made(authenticator, plain), plain) == "");
  }
}

TEST_CASE("a token is worth nothing for anything else than it was made for", "[jwt][B-051]") {
  const auto authenticator = shared();
  const auto token = made(authenticator);
  const std::pair<const char*, Change> changes[] = {
      {"sub", [](auto& facts) { facts.prover_id = 8; }},
      {"sub", [](auto& facts) { facts.prover_incarnation.random ^= 1; }},
      {"sub", [](auto& facts) { facts.prover_incarnation.started += 1; }},
      {"aud", [](auto& facts) { facts.verifier_id = 8; }},
      {"aud", [](auto& facts) { facts.verifier_incarnation.random ^= 1; }},
      {"aud", [](auto& facts) { facts.cluster = "clusters"; }},
      {"role", [](auto& facts) { facts.prover = HelloFacts::Role::Listen; }},
      {"nonce", [](auto& facts) { facts.prover_nonce[31] ^= 1; }},
      {"peer_nonce", [](auto& facts) { facts.verifier_nonce[0] ^= 1; }},
      {"peer_nonce", [](auto& facts) { std::swap(facts.prover_nonce, facts.verifier_nonce); }},
      {"hello", [](auto& facts) { facts.transcript[0] ^= 1; }},
      {"tls", [](auto& facts) { facts.channel_binding->front() ^= 1; }},
      {"tls", [](auto& facts) { facts.channel_binding.reset(); }},
  };
  for (const auto& [claim, change] : changes) {
    HelloFacts other = dialler_facts();
    change(other);
    INFO(claim);
    if (other.prover_nonce == dialler_facts().verifier_nonce)
      CHECK_THAT(refusal(authenticator, token, other), Contains("nonce"));
    else
      CHECK_THAT(refusal(authenticator, token, other), Contains(std::string("(") + claim + ")"));
  }
}

TEST_CASE(
    "a token holds from when it was made until it expires, give or take the skew of the "
    "clocks",
    "[jwt][B-051]") {
  const auto authenticator =
      jwt_authenticator(JwtOptions::shared_secret(kSecret).ttl(10s).clock_skew(2s));
  const auto token = made(authenticator);
  const auto at = [&](Duration since) {
    HelloFacts facts = dialler_facts();
    facts.now += since;
    return refusal(authenticator, token, facts);
  };
  CHECK(at(-2s) == "");
  CHECK_THAT(at(-2001ms), Contains("nbf"));
  CHECK(at(11999ms) == "");
  CHECK_THAT(at(12s), Contains("expired"));
  CHECK_THAT(at(24h), Contains("expired"));

  const auto exact = jwt_authenticator(JwtOptions::shared_secret(kSecret).clock_skew(0s));
  HelloFacts odd = dialler_facts();
  odd.now += 700ms;  // tokens count in whole seconds
  CHECK(refusal(exact, made(exact, odd), odd) == "");
}

TEST_CASE("a clock that is wrong by decades makes no tokens", "[jwt]") {
  HelloFacts facts = dialler_facts();
  facts.now = WallTime(-1h);
  CHECK_FALSE(shared()->prove(facts));
  facts.now = WallTime(Duration::max());
  CHECK_FALSE(shared()->prove(facts));
  CHECK_FALSE(shared()->verify(facts, bytes_of(made(shared()))));
  facts.now = WallTime(Duration::min());
  CHECK_FALSE(shared()->verify(facts, bytes_of(made(shared()))));
}

TEST_CASE("whoever has another secret, key, issuer or algorithm is refused", "[jwt][B-051]") {
  KeyFiles keys;
  keys.make_rsa("rsa");
  keys.make_rsa("rsa2");
  keys.make_ec("ec");
  keys.make_ec("ec2");
  const auto hs = shared();
  const auto rs = jwt_authenticator(JwtOptions::rs256(keys.key("rsa")));
  const auto es = jwt_authenticator(JwtOptions::es256(keys.key("ec")));
  CHECK_THAT(refusal(hs, made(shared(kOther))), Contains("signature"));
  CHECK_THAT(refusal(hs, made(rs)), Contains("algorithm"));
  CHECK_THAT(refusal(rs, made(es)), Contains("algorithm"));
  CHECK_THAT(refusal(rs, made(jwt_authenticator(JwtOptions::rs256(keys.key("rsa2"))))),
             Contains("not trusted"));
  CHECK_THAT(refusal(es, made(jwt_authenticator(JwtOptions::es256(keys.key("ec2"))))),
             Contains("not trusted"));
  const auto foreign = jwt_authenticator(JwtOptions::shared_secret(kSecret).issuer("another"));
  CHECK_THAT(refusal(hs, made(foreign)), Contains("issuer"));
}

TEST_CASE("a public key cannot be used as the secret of another algorithm", "[jwt]") {
  KeyFiles keys;
  keys.make_rsa("rsa");
  std::ifstream file(keys.pub("rsa"));
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto rs = jwt_authenticator(JwtOptions::rs256(keys.key("rsa")));
  CHECK_THAT(refusal(rs, made(shared(text))), Contains("algorithm"));
  // And with the very header that the key has.
  const auto good = made(rs);
  const std::string begun = good.substr(0, good.rfind('.'));
  const auto forged = detail::secret_key(text)->sign(begun);
  CHECK_THAT(refusal(rs, begun + "." + detail::to_base64url(forged.value())),
             Contains("signature"));
}

TEST_CASE("keys of nodes are believed as those nodes alone", "[jwt]") {
  KeyFiles keys;
  for (const char* name : {"seven", "eight", "stranger"}) keys.make_ec(name);
  const auto options = [&](const char* own) {
    return JwtOptions::es256(keys.key(own)).trust(keys.pub("seven"), 7).trust(keys.pub("eight"), 8);
  };
  const auto verifier = jwt_authenticator(options("eight"));
  CHECK(refusal(verifier, made(jwt_authenticator(options("seven")))) == "");
  CHECK_THAT(refusal(verifier, made(jwt_authenticator(options("eight")))), Contains("node 8"));
  CHECK_THAT(refusal(verifier, made(jwt_authenticator(options("stranger")))),
             Contains("not trusted"));
}

TEST_CASE("secrets can be changed node by node", "[jwt]") {
  const auto changing = jwt_authenticator(JwtOptions::shared_secret(kSecret).accept_secret(kOther));
  CHECK(refusal(changing, made(shared(kSecret))) == "");
  CHECK(refusal(changing, made(shared(kOther))) == "");
  CHECK(refusal(shared(kSecret), made(changing)) == "");
  CHECK_THAT(refusal(shared(kOther), made(changing)), Contains("signature"));
}

TEST_CASE("a short secret is a weakness, keys are none", "[jwt]") {
  CHECK_FALSE(shared(std::string(32, 's'))->weakness());
  CHECK_THAT(shared(std::string(31, 's'))->weakness().value(), Contains("31 bytes"));
  const auto options = JwtOptions::shared_secret(kSecret).accept_secret("short");
  CHECK_THAT(jwt_authenticator(options)->weakness().value(), Contains("5 bytes"));
  KeyFiles keys;
  keys.make_ec("ec");
  CHECK_FALSE(jwt_authenticator(JwtOptions::es256(keys.key("ec")))->weakness());
}

TEST_CASE("no byte of a token can be changed, left out or added", "[jwt]") {
  KeyFiles keys;
  keys.make_ec("ec");
  for (const auto& authenticator :
       {shared(), jwt_authenticator(JwtOptions::es256(keys.key("ec")))}) {
    const auto token = made(authenticator);
    for (std::size_t at = 0; at < token.size(); ++at) {
      auto changed = token;
      for (const char c : {'A', 'B', '.', '=', '+', '\0', '\xff'}) {
        changed[at] = c;
        if (changed != token && refusal(authenticator, changed).empty()) {
          INFO(at << ' ' << static_cast<int>(c) << ' ' << token);
          FAIL_CHECK("a changed token was accepted");
        }
      }
      CHECK(refusal(authenticator, token.substr(0, at)) != "");
    }
    for (const char* more : {"=", "A", ".", " ", "\n"})
      CHECK(refusal(authenticator, token + more) != "");
    CHECK(refusal(authenticator, " " + token) != "");
  }
}

TEST_CASE("what is no token, or too long a one, is refused before anything is made of it",
          "[jwt]") {
  const auto authenticator = shared();
  for (const std::string bad : {"", ".", "..", "...", "a.b.c", "e30.e30.", "e30.e30"})
    CHECK(refusal(authenticator, bad) != "");
  CHECK_THAT(refusal(authenticator, std::string(2049, 'A')), Contains("too long"));
  CHECK(refusal(authenticator, std::string(2048, '.')) != "");
}

TEST_CASE("a header that is not this node's own is refused, whatever it says", "[jwt]") {
  const auto payload = detail::to_json(good_claims());
  CHECK(refusal(shared(), signed_token(payload)) == "");
  for (const char* header : {
           R"({"alg":"none","typ":"JWT"})",
           R"({"alg":"HS512","typ":"JWT"})",
           R"({"alg":"HS256"})",
           R"({"alg":"HS256","typ":"JWT","crit":["exp"]})",
           R"({"alg":"HS256","alg":"none","typ":"JWT"})",
           R"({"alg": "HS256","typ":"JWT"})",
           R"({"alg":"HS256","kid":"../../dev/null","typ":"JWT"})",
       })
    CHECK_THAT(refusal(shared(), signed_token(payload, header)), Contains("algorithm"));
  CHECK(refusal(shared(),
                encoded(R"({"alg":"none","typ":"JWT"})") + "." + encoded(payload) + ".") != "");
}

TEST_CASE("what a token says is one flat object, and nothing is said twice", "[jwt]") {
  const auto payload = detail::to_json(good_claims());
  const auto with = [&](const std::string& more) { return "{" + more + "," + payload.substr(1); };
  CHECK(refusal(shared(), signed_token(with(R"("more":"text")"))) == "");
  CHECK(refusal(shared(), signed_token(with(R"("more":18446744073709551615)"))) == "");
  std::string many = R"("m":1)";
  for (int i = 0; i < 30; ++i) many += ",\"m" + std::to_string(i) + "\":1";
  for (const std::string& bad : {
           with(R"("sub":"7.1.1")"),
           with(R"("exp":1)"),
           with(R"("more":{})"),
           with(R"("more":[1])"),
           with(R"("more":null)"),
           with(R"("more":true)"),
           with(R"("more":1.5)"),
           with(R"("more":-1)"),
           with(R"("more":1e3)"),
           with(R"("more":18446744073709551616)"),
           with("\"more\":\"\xff\""),
           with(many),
           payload + "{}",
           payload + " x",
           "[" + payload + "]",
           payload.substr(0, payload.size() - 1),
           std::string("1"),
           std::string("\"text\""),
           std::string("null"),
           std::string(),
           std::string(1000, '['),
           std::string(300, '{'),
       }) {
    INFO(bad);
    CHECK_THAT(refusal(shared(), signed_token(bad)), Contains("flat object"));
  }
}

TEST_CASE("a token that leaves something out, or says it in another type, is refused", "[jwt]") {
  for (const char* name :
       {"iss", "sub", "aud", "role", "nonce", "peer_nonce", "hello", "tls", "nbf", "exp"}) {
    auto claims = good_claims();
    REQUIRE(claims.erase(name) == 1);
    INFO(name);
    CHECK_THAT(refusal(shared(), signed_token(detail::to_json(claims))), Contains(name));
    claims[name] = std::uint64_t{7};
    CHECK(refusal(shared(), signed_token(detail::to_json(claims))) != "");
    claims[name] = std::string("1735000000");
    CHECK(refusal(shared(), signed_token(detail::to_json(claims))) != "");
  }
}

TEST_CASE("a token may be good for a minute at most, whoever has made it", "[jwt]") {
  const auto lasting = [&](std::uint64_t seconds) {
    auto claims = good_claims();
    claims["exp"] = std::get<std::uint64_t>(claims["nbf"]) + seconds;
    return refusal(shared(), signed_token(detail::to_json(claims)));
  };
  CHECK(lasting(60) == "");
  CHECK_THAT(lasting(61), Contains("61 s"));
  CHECK_THAT(lasting(0), Contains("0 s"));
  auto claims = good_claims();
  for (const std::uint64_t far : {std::uint64_t{1} << 34, UINT64_MAX, UINT64_MAX - 10}) {
    claims["nbf"] = far;
    claims["exp"] = far + 10;
    CHECK_THAT(refusal(shared(), signed_token(detail::to_json(claims))), Contains("nbf"));
  }
}

TEST_CASE("names of clusters that are long or odd fit into tokens and are told apart", "[jwt]") {
  KeyFiles keys;
  keys.make_rsa("rsa", 4096);
  const auto authenticator =
      jwt_authenticator(JwtOptions::rs256(keys.key("rsa")).issuer(std::string(64, 'i')));
  HelloFacts facts = dialler_facts();
  facts.prover_id = facts.verifier_id = kMaxNodeId;
  facts.prover_incarnation = facts.verifier_incarnation = {UINT64_MAX, UINT64_MAX};
  std::string previous;
  for (const std::string& name :
       {std::string(255, 'n'), std::string(255, '\xff'), std::string(255, '"'), std::string("a/b"),
        std::string("sha256:")}) {
    facts.cluster = name;
    const auto token = made(authenticator, facts);
    CHECK(refusal(authenticator, token, facts) == "");
    facts.cluster[0] ^= 1;
    CHECK_THAT(refusal(authenticator, token, facts), Contains("(aud)"));
  }
}

TEST_CASE("options that make no sense are refused by name", "[jwt][B-214]") {
  KeyFiles keys;
  keys.make_rsa("small", 1024);
  keys.make_rsa("rsa");
  keys.make_ec("ec");
  keys.make_ec("curve", "P-384");
  const auto check = [](const JwtOptions& options, const std::string& option) {
    CHECK_THROWS_AS(jwt_authenticator(options), std::invalid_argument);
    CHECK_THROWS_WITH(jwt_authenticator(options), Contains(option));
  };
  const auto good = JwtOptions::shared_secret(kSecret);
  check(JwtOptions(good).ttl(999ms), "ttl");
  check(JwtOptions(good).ttl(61s), "ttl");
  check(JwtOptions(good).clock_skew(-1s), "clock_skew");
  check(JwtOptions(good).clock_skew(61s), "clock_skew");
  check(JwtOptions(good).max_link_age(0s), "max_link_age");
  check(JwtOptions(good).issuer(""), "issuer");
  check(JwtOptions(good).issuer("\n"), "issuer");
  check(JwtOptions(good).issuer(std::string(65, 'i')), "issuer");
  check(JwtOptions(good).trust(keys.pub("rsa")), "trust");
  check(JwtOptions::shared_secret(""), "secret");
  JwtOptions many = good;
  for (int i = 0; i < 9; ++i) many.accept_secret("s");
  check(many, "accept_secret");
  check(JwtOptions::rs256(keys.key("rsa")).accept_secret("s"), "accept_secret");
  check(JwtOptions::rs256(keys.file("nothing")), keys.file("nothing"));
  check(JwtOptions::rs256(keys.pub("rsa")), keys.pub("rsa"));
  check(JwtOptions::rs256(keys.key("small")), "1024 bits");
  check(JwtOptions::rs256(keys.key("ec")), "RSA");
  check(JwtOptions::es256(keys.key("rsa")), "P-256");
  check(JwtOptions::es256(keys.key("curve")), "P-256");
  check(JwtOptions::es256(keys.key("ec")).trust(keys.pub("rsa")), keys.pub("rsa"));
  std::ofstream(keys.file("garbage")) << "no key";
  check(JwtOptions::es256(keys.file("garbage")), keys.file("garbage"));
}

TEST_CASE("base64url is the text of its bytes, and one only", "[jwt]") {
  const std::pair<const char*, const char*> vectors[] = {
      // RFC 4648 §10
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    CHECK(detail::to_base64url(bytes_of(bytes)) == text);
    CHECK(detail::from_base64url(text) == bytes_of(bytes));
  }
  CHECK(detail::to_base64url(Bytes{0xfb, 0xff}) == "-_8");
  for (const char* bad : {"Zh", "Zm9=", "Zg==", "Z", "Zm9vY", "Zm 9", "+/8", "Zm9v\n"})
    CHECK_FALSE(detail::from_base64url(bad));
}

}  // namespace coerce::test::token_cases
