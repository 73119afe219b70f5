// HS256.

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "jwt/base64url.hpp"
#include "jwt/claims.hpp"
#include "jwt/key.hpp"

namespace coerce::detail {

namespace {

constexpr std::size_t kSize = 32;

class SecretKey final : public JwtKey {
 public:
  explicit SecretKey(std::string_view secret) : secret_(bytes_of(secret)) {}
  ~SecretKey() override { OPENSSL_cleanse(secret_.data(), secret_.size()); }

  const std::string& header() const noexcept override { return header_; }

  std::optional<Bytes> sign(std::string_view text) const override {
    Bytes signature(kSize);
    unsigned size = 0;
    if (HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), signature.data(),
             &size) == nullptr ||
        size != kSize)
      return std::nullopt;
    return signature;
  }

  bool verify(std::string_view text, BytesView signature) const override {
    const auto expected = sign(text);
    return expected && signature.size() == kSize &&
           CRYPTO_memcmp(expected->data(), signature.data(), kSize) == 0;
  }

 private:
  Bytes secret_;
  const std::string header_ =
      to_base64url(bytes_of(to_json({{"alg", std::string("HS256")}, {"typ", std::string("JWT")}})));
};

}  // namespace

std::unique_ptr<JwtKey> secret_key(std::string_view secret) {
  return std::make_unique<SecretKey>(secret);
}

}  // namespace coerce::detail
