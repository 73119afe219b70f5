/// \file
/// Opening a SQLite file that is ours.

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "coordination/sqlite_connection.hpp"

#include <coerce/runtime/clock.hpp>

namespace coerce::detail::sqlite {

/// What a kind of file is known by, and how it begins.
struct FileFormat {
  std::int32_t application_id;
  int version;
  const char* schema;  ///< the SQL that makes its tables
  const char* what;    ///< words for people
};

struct FileOptions {
  bool sync = true;                     ///< each COMMIT waits for the disk
  std::uint64_t log_bytes = 16u << 20;  ///< see Log
  std::uint64_t max_file_bytes = 0;     ///< 0: as many as SQLite allows
};

enum class FileUse : std::uint8_t {
  Create,  ///< write; make it if it is not there
  Write,   ///< write; it must be there
  Read,    ///< it must be there
};

/// The path, made absolute; SQLite would read others as URIs or names of its own. Errors: it cannot
/// be used whatever is in the file, which is a directory, whose directory is missing, or which lies
/// on a network file system, whose locks do not hold between machines.
SqliteResult<std::string> check_path(const std::string& path);

/// Opens an absolute path, checks whose it is, and makes its tables if it is new. Waits for others
/// who do the same, for at most `patience`. Errors name the path.
SqliteResult<std::unique_ptr<Connection>> open_file(const std::string& path,
                                                    const FileFormat& format,
                                                    const FileOptions& options, FileUse use,
                                                    Duration patience);

}  // namespace coerce::detail::sqlite
