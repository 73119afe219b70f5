/// \file
/// The file that says which transfers the bank has acknowledged.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <coerce/actor.hpp>

namespace bank {

/// Lines `ok <id>` and `refused <id>`, each written at once; a restart may write one again. What
/// has been written outlives the process; what has been synced, the machine. Closes the file at its
/// end.
class AckFile {
 public:
  /// Opens the file for more lines, and makes it if there is none. A last line that a crash has cut
  /// short is taken away: its number would be another one.
  static coerce::Result<AckFile, std::string> open(const std::string& path);

  AckFile(AckFile&& other) noexcept;
  AckFile& operator=(AckFile&&) = delete;
  ~AckFile();

  /// False: it could not be written. A write to the page cache, so a worker may do it.
  bool write(std::string_view word, std::int64_t transfer);
  /// Waits for the disk. False: it does not have all of it.
  bool sync();

 private:
  explicit AckFile(int file) : file_(file) {}

  int file_;
};

/// What stands in an ack file.
using Acks = std::map<std::int64_t, std::string>;
/// The lines that are whole; none if there is no file, as the bank may have been killed before it
/// made one. An error says what else is there, or that a transfer has two answers.
coerce::Result<Acks, std::string> read_acks(const std::string& path);

}  // namespace bank
