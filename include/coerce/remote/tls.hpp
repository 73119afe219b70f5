/// \file
/// TLS between nodes.

#pragma once

#include <string>
#include <utility>

namespace coerce {

/// Who this node is, and whom it believes: files in PEM format.
///
/// TLS 1.2 or newer. Both sides show a certificate that `ca_path` has signed, with a subject
/// alternative name. The one who dials accepts a certificate that names the host of the dialled
/// address, or the configured server_name(), or a node of the cluster: `DNS:node-7` belongs to the
/// node with id 7 alone, which the hello checks on both sides. Files that change are read again for
/// later connections; if the new ones are no good, the old ones stay in use, with a line in the
/// log.
class TlsOptions {
 public:
  /// `cert_path`: the certificate of this node, then those between it and the authority.
  /// `key_path`: its private key, without a password. `ca_path`: the authorities that are trusted,
  /// in a file, or in a directory that `openssl rehash` has prepared.
  TlsOptions(std::string cert_path, std::string key_path, std::string ca_path)
      : cert_path_(std::move(cert_path)),
        key_path_(std::move(key_path)),
        ca_path_(std::move(ca_path)) {}

  /// Must those who dial show a certificate? One that is shown has to be valid in any case.
  /// Default: yes.
  TlsOptions& require_peer_certificate(bool required) noexcept {
    require_peer_certificate_ = required;
    return *this;
  }
  /// The name that is expected in certificates of dialled nodes in place of the dialled host.
  /// Default: none.
  TlsOptions& server_name(std::string name) {
    server_name_ = std::move(name);
    return *this;
  }

  /// Reads the files. Throws std::invalid_argument that names the option and the file if one cannot
  /// be used.
  void check() const;

  const std::string& cert_path() const noexcept { return cert_path_; }
  const std::string& key_path() const noexcept { return key_path_; }
  const std::string& ca_path() const noexcept { return ca_path_; }
  bool peer_certificate_required() const noexcept { return require_peer_certificate_; }
  const std::string& server_name() const noexcept { return server_name_; }

 private:
  std::string cert_path_;
  std::string key_path_;
  std::string ca_path_;
  std::string server_name_;
  bool require_peer_certificate_ = true;
};

}  // namespace coerce
