/// \file
/// With which keys nodes sign the tokens that they show to each other.

#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coerce/actor/node_id.hpp>
#include <coerce/runtime/clock.hpp>

namespace coerce {

/// Fixed by configuration: what a token itself says of its algorithm changes nothing.
enum class JwtAlgorithm : std::uint8_t {
  HS256,  ///< HMAC with SHA-256 and a secret that all nodes share
  RS256,  ///< RSA (PKCS #1 v1.5) with SHA-256; keys of 2048 to 4096 bits
  ES256,  ///< ECDSA on the curve P-256 with SHA-256
};

/// How a node makes tokens and checks those of others. All nodes of a cluster have the same
/// algorithm and issuer. Keys are files in PEM format, read once, when the node is configured.
class JwtOptions {
 public:
  /// A secret of any bytes. One of fewer than 32 may be guessed: it is refused beyond this machine,
  /// unless RemoteActorSystemBuilder::allow_plaintext() was said.
  static JwtOptions shared_secret(std::string_view secret) {
    JwtOptions options(JwtAlgorithm::HS256);
    options.secrets_.emplace_back(secret);
    return options;
  }
  /// A private key without a password. Without trust() the nodes share it.
  static JwtOptions rs256(std::string private_key_path) {
    return JwtOptions(JwtAlgorithm::RS256, std::move(private_key_path));
  }
  static JwtOptions es256(std::string private_key_path) {
    return JwtOptions(JwtAlgorithm::ES256, std::move(private_key_path));
  }

  /// Believes those who sign with this secret too, so that a cluster can change its secret node by
  /// node. At most 8. For HS256.
  JwtOptions& accept_secret(std::string_view secret) {
    secrets_.emplace_back(secret);
    return *this;
  }
  /// Believes those who sign with the private key of this public one; only as that node, if one is
  /// named. At most 1024. For RS256 and ES256. Default: the public half of the own key, of all
  /// nodes.
  JwtOptions& trust(std::string public_key_path, std::optional<NodeId> node = std::nullopt) {
    trusted_.push_back({std::move(public_key_path), node});
    return *this;
  }
  /// For how long a token can be used, from 1 s to 60 s. Default: 60 s.
  JwtOptions& ttl(Duration value) noexcept {
    ttl_ = value;
    return *this;
  }
  /// How far the wall clocks of two nodes may be apart, at most 60 s. Default: 5 s.
  JwtOptions& clock_skew(Duration value) noexcept {
    clock_skew_ = value;
    return *this;
  }
  /// 1 to 64 printable characters of ASCII. Default: "coerce".
  JwtOptions& issuer(std::string value) {
    issuer_ = std::move(value);
    return *this;
  }
  /// A link that is older proves itself again, or ends; from 1 s. Default: 1 h.
  JwtOptions& max_link_age(Duration value) noexcept {
    max_link_age_ = value;
    return *this;
  }

  struct TrustedKey {
    std::string path;
    std::optional<NodeId> node;  ///< none: any
  };

  JwtAlgorithm algorithm() const noexcept { return algorithm_; }
  /// The first one signs.
  const std::vector<std::string>& secrets() const noexcept { return secrets_; }
  const std::string& private_key_path() const noexcept { return private_key_path_; }
  const std::vector<TrustedKey>& trusted() const noexcept { return trusted_; }
  Duration ttl() const noexcept { return ttl_; }
  Duration clock_skew() const noexcept { return clock_skew_; }
  const std::string& issuer() const noexcept { return issuer_; }
  Duration max_link_age() const noexcept { return max_link_age_; }

 private:
  explicit JwtOptions(JwtAlgorithm algorithm, std::string private_key_path = {})
      : algorithm_(algorithm), private_key_path_(std::move(private_key_path)) {}

  JwtAlgorithm algorithm_;
  std::string private_key_path_;
  std::vector<std::string> secrets_;
  std::vector<TrustedKey> trusted_;
  std::string issuer_ = "coerce";
  Duration ttl_ = std::chrono::seconds(60);
  Duration clock_skew_ = std::chrono::seconds(5);
  Duration max_link_age_ = std::chrono::hours(1);
};

}  // namespace coerce
