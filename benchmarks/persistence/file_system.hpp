/// \file
/// Where the files of a benchmark lie.

#pragma once

#include <optional>
#include <string>

namespace persistence_bench {

/// "ext4 on /dev/vda1", for the directory; none: it cannot be found out.
std::optional<std::string> file_system_of(const std::string& directory);

/// A file system in memory, for which waiting for the disk means nothing.
bool is_in_memory(const std::string& directory);

/// A new directory within another one, removed with all that it holds. Throws std::runtime_error.
class ScratchDirectory {
 public:
  explicit ScratchDirectory(const std::string& parent);
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory();

  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace persistence_bench
