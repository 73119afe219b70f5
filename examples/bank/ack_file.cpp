#include "ack_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace bank {

namespace {

std::string reason() { return std::generic_category().message(errno); }

/// The size of the file without a last line that has no end; -1: it cannot be read.
off_t whole_lines(int file) {
  off_t size = lseek(file, 0, SEEK_END);
  for (char last = 0; size > 0; --size) {
    if (pread(file, &last, 1, size - 1) != 1) return -1;
    if (last == '\n') break;
  }
  return size;
}

}  // namespace

coerce::Result<AckFile, std::string> AckFile::open(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return coerce::unexpected(fmt::format("cannot open {}: {}", path, reason()));
  AckFile acks(file);
  const off_t size = whole_lines(file);
  if (size < 0 || ftruncate(file, size) != 0)
    return coerce::unexpected(fmt::format("cannot mend {}: {}", path, reason()));
  return acks;
}

AckFile::AckFile(AckFile&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
AckFile::~AckFile() {
  if (file_ >= 0) close(file_);
}

bool AckFile::write(std::string_view word, std::int64_t transfer) {
  const std::string line = fmt::format("{} {}\n", word, transfer);
  for (std::size_t written = 0; written < line.size();) {
    const auto more = ::write(file_, line.data() + written, line.size() - written);
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) return false;
    written += static_cast<std::size_t>(more);
  }
  return true;
}

bool AckFile::sync() { return fdatasync(file_) == 0; }

coerce::Result<Acks, std::string> read_acks(const std::string& path) {
  Acks acks;
  std::ifstream file(path);
  if (!file && errno == ENOENT) return acks;
  if (!file) return coerce::unexpected(fmt::format("cannot open {}: {}", path, reason()));
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    if (file.eof()) break;  // it has no end yet, so nothing has been acknowledged by it
    const auto blank = line.find(' ');
    const std::string word = line.substr(0, blank);
    std::int64_t transfer = 0;
    const char* end = line.data() + line.size();
    const bool known = blank != std::string::npos && (word == "ok" || word == "refused") &&
                       std::from_chars(line.data() + blank + 1, end, transfer).ptr == end;
    if (!known) return coerce::unexpected(fmt::format("{}: line {} is '{}'", path, number, line));
    const auto [found, is_new] = acks.emplace(transfer, word);
    if (!is_new && found->second != word)
      return coerce::unexpected(
          fmt::format("{}: transfer {} is answered in two ways", path, transfer));
  }
  return acks;
}

}  // namespace bank
