#include <coerce/persistence/sqlite.hpp>

#include <utility>
#include <vector>

#include <coerce/runtime/blocking.hpp>

#include "persistence/limits.hpp"
#include "persistence/sqlite_groups.hpp"
#include "persistence/sqlite_reader.hpp"

namespace coerce {

namespace {

using Kind = JournalErr::Kind;
using detail::JournalGroups;

class SqliteJournalStorage final : public JournalStorage {
 public:
  SqliteJournalStorage(std::string path, const SqliteOptions& options)
      : limits_(options.limits),
        groups_(path, options),
        readers_(std::move(path), options.max_readers, options.lock_wait) {}

  Task<JournalResult<OpenedJournal>> open(std::string id, std::optional<Epoch> owner) override {
    if (auto bad = detail::check_id(limits_, id)) co_return coerce::unexpected(*bad);
    JournalGroups::What what = JournalGroups::Open{std::move(id), owner};
    co_return co_await groups_.write(std::move(what));
  }

  Task<JournalResult<OpenedJournal>> reopen(WriteToken token) override {
    JournalGroups::What what = JournalGroups::Reopen{std::move(token)};
    co_return co_await groups_.write(std::move(what));
  }

  Task<JournalResult<std::int64_t>> append(WriteToken token, std::int64_t expected_head,
                                           AppendId append_id,
                                           std::vector<JournalEntry> entries) override {
    if (auto bad = detail::check_events(limits_, entries)) co_return coerce::unexpected(*bad);
    // Here and not by the writer, which has to do it for everybody.
    std::vector<detail::EncodedEntry> events;
    events.reserve(entries.size());
    for (JournalEntry& entry : entries) events.emplace_back(std::move(entry));
    JournalGroups::What what =
        JournalGroups::Append{std::move(token), expected_head, append_id, std::move(events)};
    const auto written = co_await groups_.write(std::move(what));
    co_return written.map([](const OpenedJournal& journal) { return journal.head; });
  }

  Task<JournalResult<std::vector<JournalEntry>>> read(std::string id, std::int64_t from,
                                                      std::int64_t to,
                                                      std::size_t max_bytes) override {
    auto work = [&] {
      return readers_.use([&](detail::JournalReader& reader) {
        return reader.read(id, from, to, detail::ReadBound(limits_, max_bytes));
      });
    };
    co_return co_await blocking(work);
  }

  Task<JournalResult<std::int64_t>> head(std::string id) override {
    auto work = [&] {
      return readers_.use([&](detail::JournalReader& reader) { return reader.head(id); });
    };
    co_return co_await blocking(work);
  }

  Task<JournalResult<void>> write_snapshot(WriteToken token, JournalEntry snapshot) override {
    if (auto bad = detail::check_snapshot(limits_, snapshot)) co_return coerce::unexpected(*bad);
    JournalGroups::What what =
        JournalGroups::WriteSnapshot{std::move(token), detail::EncodedEntry(std::move(snapshot))};
    co_return done(co_await groups_.write(std::move(what)));
  }

  Task<JournalResult<std::optional<JournalEntry>>> read_latest_snapshot(std::string id) override {
    auto work = [&] {
      return readers_.use(
          [&](detail::JournalReader& reader) { return reader.latest_snapshot(id); });
    };
    co_return co_await blocking(work);
  }

  Task<JournalResult<void>> delete_events_to(WriteToken token, std::int64_t n) override {
    JournalGroups::What what = JournalGroups::DeleteEvents{std::move(token), n};
    co_return done(co_await groups_.write(std::move(what)));
  }

  Task<JournalResult<void>> delete_snapshots_to(WriteToken token, std::int64_t n) override {
    JournalGroups::What what = JournalGroups::DeleteSnapshots{std::move(token), n};
    co_return done(co_await groups_.write(std::move(what)));
  }

  Task<JournalResult<void>> delete_all(WriteToken token) override {
    JournalGroups::What what = JournalGroups::DeleteAll{std::move(token)};
    co_return done(co_await groups_.write(std::move(what)));
  }

  Task<JournalResult<TaggedEntries>> read_by_tag(std::string tag, std::uint64_t offset,
                                                 std::size_t max_bytes) override {
    if (auto bad = detail::check_tag(limits_, tag)) co_return coerce::unexpected(*bad);
    auto work = [&] {
      return readers_.use([&](detail::JournalReader& reader) {
        return reader.by_tag(tag, offset, detail::ReadBound(limits_, max_bytes));
      });
    };
    co_return co_await blocking(work);
  }

  const JournalLimits& limits() const noexcept override { return limits_; }

 private:
  static JournalResult<void> done(const JournalResult<OpenedJournal>& result) {
    if (!result) return coerce::unexpected(result.error());
    return {};
  }

  const JournalLimits limits_;
  JournalGroups groups_;
  detail::JournalReaders readers_;
};

bool in_bounds(const SqliteOptions& options) {
  return options.lock_wait > Duration::zero() && options.turn > Duration::zero() &&
         options.max_waiting != 0 && options.max_group != 0 && options.max_known_journals != 0 &&
         options.max_readers != 0 && options.log_bytes != 0;
}

}  // namespace

JournalResult<SqliteStorageProvider> SqliteStorageProvider::open(const std::string& path,
                                                                 const SqliteOptions& options) {
  if (!in_bounds(options))
    return coerce::unexpected(
        JournalErr(Kind::Limit, "SqliteOptions: a time or a number that must not be 0 is"));
  const auto absolute = detail::sqlite::check_path(path);
  if (!absolute) return coerce::unexpected(detail::journal_err(absolute.error()));
  // Made and closed again: the connections that stay are opened where they are used.
  auto made = detail::sqlite::open_file(*absolute, detail::kJournalFormat,
                                        detail::JournalGroups::file_options(options),
                                        detail::sqlite::FileUse::Create, options.lock_wait);
  if (!made) return coerce::unexpected(detail::journal_err(std::move(made.error())));
  return SqliteStorageProvider(std::make_shared<SqliteJournalStorage>(*absolute, options));
}

std::shared_ptr<JournalStorage> SqliteStorageProvider::journal_storage() const { return storage_; }

}  // namespace coerce
