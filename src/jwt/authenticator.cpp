#include <coerce/jwt/authenticator.hpp>

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include <coerce/remote/system.hpp>

#include "jwt/base64url.hpp"
#include "jwt/key.hpp"
#include "jwt/token.hpp"

namespace coerce {

namespace detail {

std::string_view to_string(JwtAlgorithm algorithm) noexcept {
  switch (algorithm) {
    case JwtAlgorithm::HS256:
      return "HS256";
    case JwtAlgorithm::RS256:
      return "RS256";
    case JwtAlgorithm::ES256:
      return "ES256";
  }
  return "unknown";
}

namespace {

using std::chrono::seconds;

constexpr std::size_t kStrongSecret = 32;
constexpr std::size_t kMostSecrets = 8;
constexpr std::size_t kMostTrusted = 1024;
constexpr std::size_t kLongestIssuer = 64;
constexpr std::size_t kLongestToken = 2048;  ///< of a proof (Authenticator::prove)

void check(bool is_good, std::string_view what) {
  if (!is_good) throw std::invalid_argument(fmt::format("JwtOptions: {}", what));
}

void check(const JwtOptions& options) {
  const bool is_secret = options.algorithm() == JwtAlgorithm::HS256;
  check(is_secret || options.secrets().empty(), "accept_secret: is for HS256");
  check(!is_secret || options.trusted().empty(), "trust: is for RS256 and ES256");
  check(options.secrets().size() <= kMostSecrets + 1, "accept_secret: at most 8 secrets");
  check(std::ranges::none_of(options.secrets(), &std::string::empty), "an empty secret");
  check(options.trusted().size() <= kMostTrusted, "trust: at most 1024 keys");
  check(options.ttl() >= seconds(1) && options.ttl() <= seconds(60), "ttl: is from 1 s to 60 s");
  check(options.clock_skew() >= seconds(0) && options.clock_skew() <= seconds(60),
        "clock_skew: is from 0 to 60 s");
  check(options.max_link_age() >= seconds(1), "max_link_age: is from 1 s");
  const std::string& issuer = options.issuer();
  check(!issuer.empty() && issuer.size() <= kLongestIssuer &&
            std::ranges::all_of(issuer, [](char c) { return c >= ' ' && c < '\x7f'; }),
        "issuer: has 1 to 64 printable characters");
}

using Key = std::shared_ptr<const JwtKey>;
struct Trusted {
  Key key;
  std::optional<NodeId> node;  ///< the only one that may sign with it
};

Key load(std::string_view option, JwtAlgorithm algorithm, const std::string& path,
         std::unique_ptr<JwtKey> (*read)(JwtAlgorithm, const std::string&)) {
  try {
    return read(algorithm, path);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(fmt::format("JwtOptions: {} '{}': {}", option, path, error.what()));
  }
}

auto refuse(std::string_view text) { return coerce::unexpected(ActorRefErr::Unauthorised(text)); }

class JwtAuthenticator final : public Authenticator {
 public:
  explicit JwtAuthenticator(const JwtOptions& options)
      : name_(fmt::format("jwt-{}", to_string(options.algorithm()))),
        terms_{options.issuer(), options.ttl(), options.clock_skew()},
        max_link_age_(options.max_link_age()) {
    check(options);
    for (const auto& secret : options.secrets()) {
      trusted_.push_back({secret_key(secret), std::nullopt});
      shortest_secret_ = std::min(shortest_secret_, secret.size());
    }
    if (!trusted_.empty()) {
      own_ = trusted_.front().key;
      return;
    }
    const auto algorithm = options.algorithm();
    own_ = load("private key", algorithm, options.private_key_path(), &load_private_key);
    for (const auto& [path, node] : options.trusted())
      trusted_.push_back({load("trust", algorithm, path, &load_public_key), node});
    if (trusted_.empty()) trusted_.push_back({own_, std::nullopt});
  }

  std::string name() const override { return name_; }
  std::optional<Duration> max_link_age() const override { return max_link_age_; }

  std::optional<std::string> weakness() const override {
    if (shortest_secret_ >= kStrongSecret) return std::nullopt;
    return fmt::format("client_auth_jwt: a secret of {} bytes may be guessed, {} are enough",
                       shortest_secret_, kStrongSecret);
  }

  Result<Bytes> prove(const HelloFacts& facts) override {
    auto claims = claims_for(facts, terms_);
    if (!claims) return coerce::unexpected(std::move(claims).error());
    std::string token = own_->header() + "." + to_base64url(bytes_of(to_json(*claims)));
    const auto signature = own_->sign(token);
    if (!signature) return refuse("the token cannot be signed");
    token += "." + to_base64url(*signature);
    return bytes_of(token);
  }

  Result<void> verify(const HelloFacts& facts, BytesView proof) override {
    if (proof.size() > kLongestToken) return refuse("the token is too long");
    const std::string_view token = text_of(proof);
    const std::size_t first = token.find('.');
    const std::size_t second = token.rfind('.');
    if (first == std::string_view::npos || first == second) return refuse("that is no token");
    const auto signature = from_base64url(token.substr(second + 1));
    const auto payload = from_base64url(token.substr(first + 1, second - first - 1));
    if (!signature || !payload) return refuse("that is no token");
    auto known = check_signature(facts.prover_id, token.substr(0, first), token.substr(0, second),
                                 *signature);
    if (!known) return known;
    const auto claims = read_claims(text_of(*payload));
    if (!claims) return refuse("what the token says is no flat object of texts and numbers");
    return check_claims(*claims, facts, terms_);
  }

 private:
  Result<void> check_signature(NodeId prover, std::string_view header, std::string_view text,
                               BytesView signature) const {
    bool is_known = false;
    for (const auto& [key, node] : trusted_) {
      if (key->header() != header) continue;
      is_known = true;
      if (!key->verify(text, signature)) continue;
      if (!node || *node == prover) return {};
      return refuse(fmt::format("the token is signed with the key of node {}", *node));
    }
    return refuse(is_known ? "the signature of the token is wrong"
                           : "the token is signed by another algorithm, or with a key that is not "
                             "trusted here");
  }

  const std::string name_;
  const TokenTerms terms_;
  const Duration max_link_age_;
  Key own_;
  std::vector<Trusted> trusted_;
  std::size_t shortest_secret_ = SIZE_MAX;
};

}  // namespace

}  // namespace detail

std::shared_ptr<Authenticator> jwt_authenticator(const JwtOptions& options) {
  return std::make_shared<detail::JwtAuthenticator>(options);
}

RemoteActorSystemBuilder& RemoteActorSystemBuilder::client_auth_jwt(const JwtOptions& options) {
  return authenticator(jwt_authenticator(options));
}

RemoteActorSystemBuilder& RemoteActorSystemBuilder::client_auth_jwt(std::string_view secret,
                                                                    Duration ttl) {
  return client_auth_jwt(JwtOptions::shared_secret(secret).ttl(ttl));
}

}  // namespace coerce
