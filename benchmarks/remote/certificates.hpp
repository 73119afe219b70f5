/// \file
/// A certificate authority for an hour, and one certificate for both ends of a run.

#pragma once

#include <filesystem>

#include "job.hpp"

namespace remote_bench {

/// A directory with the files of a TLS run, removed at the end.
class Certificates {
 public:
  /// Throws std::runtime_error.
  Certificates();
  ~Certificates();
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  const TlsFiles& files() const { return files_; }

 private:
  std::filesystem::path directory_;
  TlsFiles files_;
};

}  // namespace remote_bench
