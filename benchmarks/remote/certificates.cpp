#include "certificates.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace remote_bench {
namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* what) const {
    Free(what);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<&EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<&X509_free>>;

void require(bool done) {
  if (!done) throw std::runtime_error("no certificate could be made");
}

Key make_key() {
  Key key(EVP_EC_gen("P-256"));
  require(key != nullptr);
  return key;
}

void add_extension(X509* to, X509* issuer, int which, const std::string& value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Freed<&X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, which, value.c_str()));
  require(extension != nullptr && X509_add_ext(to, extension.get(), -1) == 1);
}

/// Signed by `issuer`, or by itself without one.
Certificate make_certificate(const std::string& name, EVP_PKEY* key, X509* issuer,
                             EVP_PKEY* issuer_key) {
  Certificate made(X509_new());
  require(made != nullptr);
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), issuer == nullptr ? 1 : 2);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 60 * 60 * 24);
  X509_set_pubkey(made.get(), key);
  X509_NAME* subject = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(made.get(), issuer == nullptr ? subject : X509_get_subject_name(issuer));
  X509* signer = issuer == nullptr ? made.get() : issuer;
  if (issuer == nullptr) {
    add_extension(made.get(), signer, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(made.get(), signer, NID_key_usage, "critical,keyCertSign,cRLSign");
  } else {
    add_extension(made.get(), signer, NID_subject_alt_name,
                  "DNS:node-1,DNS:node-2,DNS:localhost,IP:127.0.0.1");
  }
  require(X509_sign(made.get(), issuer_key, EVP_sha256()) != 0);
  return made;
}

template <class F>
void write_file(const std::string& path, F write) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  require(file != nullptr);
  const bool written = write(file) == 1;
  require(std::fclose(file) == 0 && written);
}

void write_certificate(const std::string& path, X509* certificate) {
  write_file(path, [&](std::FILE* file) { return PEM_write_X509(file, certificate); });
}

}  // namespace

Certificates::Certificates() {
  std::string pattern = std::filesystem::temp_directory_path() / "coerce-remote-bench-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  directory_ = pattern;
  files_ = {.authority = directory_ / "authority.pem",
            .certificate = directory_ / "node.pem",
            .key = directory_ / "node-key.pem"};
  const Key authority_key = make_key();
  const Certificate authority =
      make_certificate("authority", authority_key.get(), nullptr, authority_key.get());
  const Key key = make_key();
  const Certificate certificate =
      make_certificate("node", key.get(), authority.get(), authority_key.get());
  write_certificate(files_.authority, authority.get());
  write_certificate(files_.certificate, certificate.get());
  write_file(files_.key, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

Certificates::~Certificates() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

}  // namespace remote_bench
