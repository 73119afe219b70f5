#include "file_system.hpp"

#include <linux/magic.h>
#include <mntent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>

namespace persistence_bench {

std::optional<std::string> file_system_of(const std::string& directory) {
  struct stat here{};
  if (stat(directory.c_str(), &here) != 0) return std::nullopt;
  const std::unique_ptr<FILE, int (*)(FILE*)> mounts(setmntent("/proc/self/mounts", "r"),
                                                     &endmntent);
  if (!mounts) return std::nullopt;
  std::optional<std::string> found;
  while (const mntent* entry = getmntent(mounts.get())) {
    struct stat there{};
    // The last one mounted over a place is the one that is seen.
    if (stat(entry->mnt_dir, &there) == 0 && there.st_dev == here.st_dev)
      found = std::string(entry->mnt_type) + " on " + entry->mnt_fsname;
  }
  return found;
}

bool is_in_memory(const std::string& directory) {
  struct statfs facts{};
  if (statfs(directory.c_str(), &facts) != 0) return false;
  const auto magic = static_cast<unsigned long>(facts.f_type);
  return magic == TMPFS_MAGIC || magic == RAMFS_MAGIC || magic == HUGETLBFS_MAGIC;
}

ScratchDirectory::ScratchDirectory(const std::string& parent)
    : path_(parent + "/coerce-bench-XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr)
    throw std::runtime_error("cannot make a directory in " + parent);
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace persistence_bench
