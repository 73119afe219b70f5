#include "remote/tls_context.hpp"

#include <algorithm>
#include <stdexcept>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <fmt/format.h>

#include "remote/certified_node.hpp"

namespace coerce::detail {

namespace {

constexpr std::size_t kMostNames = 64;

[[noreturn]] void refuse(std::string_view option, const std::string& path) {
  throw std::invalid_argument(
      fmt::format("TlsOptions: {} '{}': {}", option, path, take_openssl_error()));
}

/// Otherwise OpenSSL would ask for the password at the terminal.
int no_password(char*, int, int, void*) { return 0; }

bool is_expected(X509* certificate, const std::string& host) {
  constexpr unsigned kFlags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
  if (X509_check_host(certificate, host.data(), host.size(), kFlags, nullptr) == 1) return true;
  return X509_check_ip_asc(certificate, host.c_str(), 0) == 1;
}

bool names_a_node(const std::vector<std::string>& names) {
  return std::ranges::any_of(names,
                             [](const auto& name) { return certified_node(name).has_value(); });
}

// Runs before this side shows its own certificate, so a stranger does not learn it.
int verify(X509_STORE_CTX* store, void*) {
  if (X509_verify_cert(store) <= 0) return 0;
  auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* expected = static_cast<TlsExpectation*>(SSL_get_app_data(ssl));
  X509* certificate = X509_STORE_CTX_get0_cert(store);
  if (!expected->dials || is_expected(certificate, expected->host)) return 1;
  const auto names = names_in(certificate);
  if (names_a_node(names)) return 1;
  expected->failure = fmt::format("the certificate is of '{:.200}' and not of '{}'",
                                  fmt::to_string(fmt::join(names, ", ")), expected->host);
  X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
  return 0;
}

TlsContext load(const TlsOptions& options) {
  ERR_clear_error();
  TlsContext context(SSL_CTX_new(TLS_method()), &SSL_CTX_free);
  SSL_CTX* raw = context.get();
  if (raw == nullptr || SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
    throw std::invalid_argument("TlsOptions: " + take_openssl_error());
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
  // Each link looks at the certificates anew.
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(raw, &no_password);
  SSL_CTX_set_verify(
      raw,
      SSL_VERIFY_PEER | (options.peer_certificate_required() ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
      nullptr);
  SSL_CTX_set_cert_verify_callback(raw, &verify, nullptr);

  const char* cert = options.cert_path().c_str();
  const char* key = options.key_path().c_str();
  const char* ca = options.ca_path().c_str();
  std::error_code ignored;
  const bool many = std::filesystem::is_directory(options.ca_path(), ignored);
  if (SSL_CTX_use_certificate_chain_file(raw, cert) != 1) refuse("cert_path", options.cert_path());
  if (SSL_CTX_use_PrivateKey_file(raw, key, SSL_FILETYPE_PEM) != 1)
    refuse("key_path", options.key_path());
  if (SSL_CTX_check_private_key(raw) != 1) refuse("key_path", options.key_path());
  if ((many ? SSL_CTX_load_verify_dir(raw, ca) : SSL_CTX_load_verify_file(raw, ca)) != 1)
    refuse("ca_path", options.ca_path());
  return context;
}

std::string text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string ip_text(const ASN1_OCTET_STRING* address) {
  char text[INET6_ADDRSTRLEN]{};
  const int family = ASN1_STRING_length(address) == 4 ? AF_INET : AF_INET6;
  if (ASN1_STRING_length(address) != (family == AF_INET ? 4 : 16)) return {};
  if (::inet_ntop(family, ASN1_STRING_get0_data(address), text, sizeof(text)) == nullptr) return {};
  return text;
}

std::string name_of(const GENERAL_NAME* name) {
  switch (name->type) {
    case GEN_DNS:
      return text_of(name->d.dNSName);
    case GEN_URI:
      return text_of(name->d.uniformResourceIdentifier);
    case GEN_IPADD:
      return ip_text(name->d.iPAddress);
    default:
      return {};
  }
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

std::string take_openssl_error() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  if (error == 0) return "unknown error";
  if (const char* reason = ERR_reason_error_string(error)) return reason;
  return fmt::format("error {:x}", error);
}

std::vector<std::string> names_in(X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> all(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      &GENERAL_NAMES_free);
  std::vector<std::string> names;
  const int count = all ? sk_GENERAL_NAME_num(all.get()) : 0;
  for (int i = 0; i < count && names.size() < kMostNames; ++i) {
    std::string name = name_of(sk_GENERAL_NAME_value(all.get(), i));
    if (!name.empty() && is_printable(name)) names.push_back(std::move(name));
  }
  return names;
}

TlsContexts::TlsContexts(TlsOptions options, OnFailure on_failure)
    : options_(std::move(options)),
      on_failure_(std::move(on_failure)),
      stamps_(stamps()),
      context_(load(options_)) {}

TlsContexts::Stamps TlsContexts::stamps() const {
  Stamps stamps;
  std::size_t i = 0;
  for (const auto* path : {&options_.cert_path(), &options_.key_path(), &options_.ca_path()}) {
    std::error_code ignored;  // a file that is not there has no stamp
    Stamp& stamp = stamps[i++];
    stamp.modified = std::filesystem::last_write_time(*path, ignored);
    const auto size = std::filesystem::file_size(*path, ignored);
    stamp.size = ignored ? 0 : size;
  }
  return stamps;
}

TlsContext TlsContexts::current() {
  const Stamps now = stamps();
  const std::lock_guard lock(mutex_);
  return now == stamps_ ? context_ : nullptr;
}

TlsContext TlsContexts::reload() {
  const std::lock_guard lock(mutex_);
  const Stamps now = stamps();
  if (now == stamps_) return context_;
  // Also if they are no good: they are looked at again when they change again.
  stamps_ = now;
  try {
    context_ = load(options_);
  } catch (const std::invalid_argument& error) {
    on_failure_(error.what());
  }
  return context_;
}

}  // namespace coerce::detail

namespace coerce {

void TlsOptions::check() const { (void)detail::load(*this); }

}  // namespace coerce
