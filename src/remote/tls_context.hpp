/// \file
/// The certificates of this node, and the rules by which it believes others.

#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <openssl/ssl.h>

#include <coerce/actor/error.hpp>
#include <coerce/remote/tls.hpp>

namespace coerce::detail {

using TlsContext = std::shared_ptr<SSL_CTX>;

/// The first thing that OpenSSL says went wrong in this thread, which is forgotten then.
std::string take_openssl_error();

/// The subject alternative names of a certificate: host names, addresses, URIs; at most 64.
std::vector<std::string> names_in(X509* certificate);

/// What is checked of the other side's certificate besides its signatures; the SSL's app data.
struct TlsExpectation {
  bool dials = false;
  std::string host;     ///< that has to be in it, if this side dials
  std::string failure;  ///< why it was not good enough
};

/// Reads files and keeps what came of them until they change. Thread-safe.
class TlsContexts {
 public:
  using OnFailure = std::function<void(std::string_view why)>;

  /// Throws std::invalid_argument.
  explicit TlsContexts(TlsOptions options, OnFailure on_failure);

  const TlsOptions& options() const noexcept { return options_; }
  /// Null: the files have changed, and reload() has to be called.
  TlsContext current();
  /// Blocks. Tells of new files that are no good, and goes on with the old ones.
  TlsContext reload();

 private:
  struct Stamp {
    std::filesystem::file_time_type modified{};
    std::uintmax_t size = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  using Stamps = std::array<Stamp, 3>;
  Stamps stamps() const;

  const TlsOptions options_;
  const OnFailure on_failure_;
  std::mutex mutex_;
  Stamps stamps_;
  TlsContext context_;
};

}  // namespace coerce::detail
