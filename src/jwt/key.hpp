/// \file
/// Keys that sign tokens.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <coerce/codec/bytes.hpp>
#include <coerce/jwt/options.hpp>

namespace coerce::detail {

/// One key for one algorithm. Thread-safe.
class JwtKey {
 public:
  JwtKey() = default;
  JwtKey(const JwtKey&) = delete;
  JwtKey& operator=(const JwtKey&) = delete;
  virtual ~JwtKey() = default;

  /// The first part of every token that it signs.
  virtual const std::string& header() const noexcept = 0;
  /// None: it cannot; a public key never can.
  virtual std::optional<Bytes> sign(std::string_view text) const = 0;
  /// Takes as long for every signature of the right length.
  virtual bool verify(std::string_view text, BytesView signature) const = 0;
};

std::string_view to_string(JwtAlgorithm algorithm) noexcept;

std::unique_ptr<JwtKey> secret_key(std::string_view secret);
/// From a file in PEM format. Throws std::invalid_argument that says what is wrong with it.
std::unique_ptr<JwtKey> load_private_key(JwtAlgorithm algorithm, const std::string& path);
std::unique_ptr<JwtKey> load_public_key(JwtAlgorithm algorithm, const std::string& path);

}  // namespace coerce::detail
