/// \file
/// Reading a file of journals, beside its writer.

#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "persistence/limits.hpp"
#include "persistence/sqlite_format.hpp"

namespace coerce::detail {

/// A connection that reads, and its statements. For one thread at a time. After a failure it must
/// not be used again.
class JournalReader {
 public:
  explicit JournalReader(std::unique_ptr<sqlite::Connection> connection);

  using Entries = std::vector<JournalEntry>;

  JournalResult<Entries> read(const std::string& id, std::int64_t from, std::int64_t to,
                              ReadBound bound);
  JournalResult<std::int64_t> head(const std::string& id);
  JournalResult<std::optional<JournalEntry>> latest_snapshot(const std::string& id);
  JournalResult<TaggedEntries> by_tag(const std::string& tag, std::uint64_t offset,
                                      ReadBound bound);

  bool usable() const noexcept { return connection_->is_idle(); }

 private:
  class Moment;
  JournalRow find(const std::string& id) { return find_journal(*connection_, find_, id); }
  bool read_event(sqlite::Query& row, std::int64_t journal, JournalEntry& entry);
  void read_events(const JournalRow& row, std::int64_t from, std::int64_t to, ReadBound bound,
                   Entries& entries);
  void read_tagged(const std::string& tag, std::uint64_t offset, ReadBound bound,
                   TaggedEntries& found);
  template <class T>
  JournalResult<T> result(T value);

  std::unique_ptr<sqlite::Connection> connection_;
  sqlite::Statement find_;
  sqlite::Statement events_;
  sqlite::Statement snapshot_;
  sqlite::Statement tagged_;
  sqlite::Statement last_place_;
};

/// Lends a few readers to many threads. Thread-safe.
class JournalReaders {
 public:
  JournalReaders(std::string path, std::size_t most, Duration patience)
      : path_(std::move(path)), patience_(patience), may_open_(most) {}

  /// Calls `read(reader)`; waits for a reader if all are lent.
  template <class F>
  auto use(F read) -> decltype(read(std::declval<JournalReader&>())) {
    auto reader = take();
    if (!reader) return coerce::unexpected(reader.error());
    Lent lent(*this, std::move(*reader));
    auto result = read(lent.reader());
    lent.set_usable(result.has_value());
    return result;
  }

 private:
  /// Gives the reader back, whatever happens.
  class Lent {
   public:
    Lent(JournalReaders& readers, std::unique_ptr<JournalReader> reader) noexcept
        : readers_(readers), reader_(std::move(reader)) {}
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;
    ~Lent() { readers_.give_back(std::move(reader_), usable_); }
    JournalReader& reader() noexcept { return *reader_; }
    void set_usable(bool usable) noexcept { usable_ = usable; }

   private:
    JournalReaders& readers_;
    std::unique_ptr<JournalReader> reader_;
    bool usable_ = false;
  };

  JournalResult<std::unique_ptr<JournalReader>> take();
  JournalResult<std::unique_ptr<JournalReader>> make();
  void give_back(std::unique_ptr<JournalReader> reader, bool usable);

  const std::string path_;
  const Duration patience_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<std::unique_ptr<JournalReader>> free_;
  std::size_t may_open_;
};

}  // namespace coerce::detail
