/// \file
/// Certificates for one test, made when they are needed.

#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <coerce/remote/tls.hpp>

#include "persistence/temporary_directory.hpp"

namespace coerce::test {

/// See certificates.sh for who they are.
class Certificates {
 public:
  Certificates() {
    const std::string command =
        std::string("bash " COERCE_CERTIFICATES_SCRIPT " '") + directory_.file("") + "'";
    if (std::system(command.c_str()) != 0) throw std::runtime_error("no certificates");
  }

  std::string file(const std::string& name) const { return directory_.file(name); }
  TlsOptions of(const std::string& name, const std::string& authority = "ca") const {
    return {file(name + ".pem"), file(name + ".key"), file(authority + ".pem")};
  }
  /// `name` takes the place of `place`, as when certificates are renewed.
  void replace(const std::string& place, const std::string& name) const {
    for (const char* kind : {".key", ".pem"}) {
      std::filesystem::copy_file(file(name + kind), file(place + kind),
                                 std::filesystem::copy_options::overwrite_existing);
    }
  }

 private:
  TemporaryDirectory directory_;
};

}  // namespace coerce::test
