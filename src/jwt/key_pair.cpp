// RS256 and ES256.

#include <array>
#include <stdexcept>

#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "jwt/base64url.hpp"
#include "jwt/claims.hpp"
#include "jwt/key.hpp"

namespace coerce::detail {

namespace {

constexpr int kFewestRsaBits = 2048, kMostRsaBits = 4096;  // longer: no token fits into a proof
constexpr int kHalf = 32;                                  // of an ES256 signature
constexpr std::size_t kKeyIdSize = 16;

template <auto kFree>
struct Freeing {
  template <class T>
  void operator()(T* object) const noexcept {
    kFree(object);
  }
};
using Pkey = std::unique_ptr<EVP_PKEY, Freeing<&EVP_PKEY_free>>;
using Digesting = std::unique_ptr<EVP_MD_CTX, Freeing<&EVP_MD_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Freeing<&ECDSA_SIG_free>>;
using Number = std::unique_ptr<BIGNUM, Freeing<&BN_free>>;
using File = std::unique_ptr<BIO, Freeing<&BIO_free>>;

/// What OpenSSL writes for itself is an ASN.1 structure; in a token it is two numbers.
std::optional<Bytes> plain_of(const Bytes& structure) {
  const unsigned char* at = structure.data();
  const Signature parsed(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(structure.size())));
  Bytes plain(2 * kHalf);
  if (!parsed || BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), plain.data(), kHalf) != kHalf ||
      BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), plain.data() + kHalf, kHalf) != kHalf)
    return std::nullopt;
  return plain;
}

std::optional<Bytes> structure_of(BytesView plain) {
  if (plain.size() != 2 * kHalf) return std::nullopt;
  const Signature signature(ECDSA_SIG_new());
  Number r(BN_bin2bn(plain.data(), kHalf, nullptr));
  Number s(BN_bin2bn(plain.data() + kHalf, kHalf, nullptr));
  if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1)
    return std::nullopt;
  (void)r.release(), (void)s.release();
  unsigned char* written = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &written);
  if (size <= 0) return std::nullopt;
  Bytes structure(written, written + size);
  OPENSSL_free(written);
  return structure;
}

/// The same for both halves of a pair: which of the keys that are trusted is it?
std::string key_id(EVP_PKEY* key) {
  unsigned char* written = nullptr;
  const int size = i2d_PUBKEY(key, &written);
  if (size <= 0) throw std::invalid_argument("it has no public half");
  std::array<unsigned char, 32> digest{};
  EVP_Digest(written, static_cast<std::size_t>(size), digest.data(), nullptr, EVP_sha256(),
             nullptr);
  OPENSSL_free(written);
  return to_base64url(BytesView(digest).first(kKeyIdSize));
}

void check(JwtAlgorithm algorithm, EVP_PKEY* key) {
  if (algorithm == JwtAlgorithm::RS256) {
    if (EVP_PKEY_is_a(key, "RSA") != 1) throw std::invalid_argument("it is no RSA key");
    const int bits = EVP_PKEY_get_bits(key);
    if (bits < kFewestRsaBits || bits > kMostRsaBits)
      throw std::invalid_argument(
          fmt::format("it has {} bits; {} to {} are allowed", bits, kFewestRsaBits, kMostRsaBits));
    return;
  }
  std::array<char, 32> group{};
  std::size_t size = 0;
  if (EVP_PKEY_is_a(key, "EC") != 1 ||
      EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) != 1 ||
      std::string_view(group.data(), size) != "prime256v1")
    throw std::invalid_argument("it is no key on the curve P-256");
}

class KeyPair final : public JwtKey {
 public:
  KeyPair(JwtAlgorithm algorithm, Pkey key, bool is_private)
      : algorithm_(algorithm), key_(std::move(key)), is_private_(is_private) {
    check(algorithm_, key_.get());
    header_ = to_base64url(bytes_of(to_json({{"alg", std::string(to_string(algorithm_))},
                                             {"kid", key_id(key_.get())},
                                             {"typ", std::string("JWT")}})));
  }

  const std::string& header() const noexcept override { return header_; }

  std::optional<Bytes> sign(std::string_view text) const override {
    const auto* data = reinterpret_cast<const unsigned char*>(text.data());
    const Digesting digesting(EVP_MD_CTX_new());
    std::size_t size = 0;
    if (!is_private_ || !digesting ||
        EVP_DigestSignInit(digesting.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
        EVP_DigestSign(digesting.get(), nullptr, &size, data, text.size()) != 1)
      return failed();
    Bytes signature(size);
    if (EVP_DigestSign(digesting.get(), signature.data(), &size, data, text.size()) != 1)
      return failed();
    signature.resize(size);
    if (algorithm_ == JwtAlgorithm::ES256) return plain_of(signature);
    return signature;
  }

  bool verify(std::string_view text, BytesView signature) const override {
    std::optional<Bytes> structure;
    if (algorithm_ == JwtAlgorithm::ES256) {
      structure = structure_of(signature);
      if (!structure) return false;
      signature = *structure;
    }
    const Digesting digesting(EVP_MD_CTX_new());
    const bool holds =
        digesting &&
        EVP_DigestVerifyInit(digesting.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
        EVP_DigestVerify(digesting.get(), signature.data(), signature.size(),
                         reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
    if (!holds) ERR_clear_error();  // or whoever uses OpenSSL on this thread next finds it
    return holds;
  }

 private:
  static std::optional<Bytes> failed() {
    ERR_clear_error();
    return std::nullopt;
  }

  const JwtAlgorithm algorithm_;
  const Pkey key_;
  const bool is_private_;
  std::string header_;
};

/// Otherwise OpenSSL would ask for the password at the terminal.
int no_password(char*, int, int, void*) { return 0; }

std::string take_error() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "it cannot be read";
}

template <class Read>
std::unique_ptr<JwtKey> load(JwtAlgorithm algorithm, const std::string& path, bool is_private,
                             Read read) {
  ERR_clear_error();
  const File file(BIO_new_file(path.c_str(), "r"));
  if (!file) throw std::invalid_argument(take_error());
  Pkey key(read(file.get(), nullptr, &no_password, nullptr));
  if (!key) throw std::invalid_argument(take_error());
  return std::make_unique<KeyPair>(algorithm, std::move(key), is_private);
}

}  // namespace

std::unique_ptr<JwtKey> load_private_key(JwtAlgorithm algorithm, const std::string& path) {
  return load(algorithm, path, true, &PEM_read_bio_PrivateKey);
}
std::unique_ptr<JwtKey> load_public_key(JwtAlgorithm algorithm, const std::string& path) {
  return load(algorithm, path, false, &PEM_read_bio_PUBKEY);
}

}  // namespace coerce::detail
