/// \file
/// A store of journals that fails when a test wants it to.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>

#include <coerce/persistence/storage_provider.hpp>

namespace coerce::testkit {

enum class JournalOp : std::uint8_t {
  Open,
  Reopen,
  Append,
  Read,
  Head,
  WriteSnapshot,
  ReadLatestSnapshot,
  DeleteEventsTo,
  DeleteSnapshotsTo,
  DeleteAll,
  ReadByTag,
};

std::string_view to_string(JournalOp op) noexcept;

enum class JournalFault : std::uint8_t {
  Unavailable,     ///< not done, and said so
  Corrupt,         ///< not done: what is stored cannot be read
  UnknownDone,     ///< done, but the answer is lost
  UnknownNotDone,  ///< not done, and nobody knows
  /// Done behind the next operation on the store, if it is not refused by then; but nobody knows.
  UnknownLate,
  /// Of an append, half of the events are written; breaks the contract, to show that somebody
  /// notices. Of other operations: UnknownDone.
  Torn,
};

/// How many of a million operations have each fault, and which wait how long.
struct JournalFaultRates {
  std::uint32_t unavailable = 0;
  std::uint32_t unknown_done = 0;
  std::uint32_t unknown_not_done = 0;
  /// Of an open(), which would shut out whoever has opened since, UnknownNotDone instead.
  std::uint32_t unknown_late = 0;
  std::uint32_t torn = 0;
  std::uint32_t delayed = 0;
  Duration max_delay = std::chrono::milliseconds(100);  ///< of a delayed one; drawn. \pre > 0
};
static_assert(std::is_trivially_destructible_v<JournalFaultRates>);

/// Stands before another provider and passes everything on, but what it was told to fail, to delay
/// or to hold. Copies share one behaviour: give one to the system and keep one to command it.
///
/// Of the faults that were asked for an operation takes the oldest that is meant for it; only if
/// there is none a fault may be drawn. Waits first, then fails or is passed on. Time is that of the
/// system that calls. Thread-safe.
class FailingJournal final : public StorageProvider {
 public:
  explicit FailingJournal(const StorageProvider& inner);

  std::shared_ptr<JournalStorage> journal_storage() const override;

  /// The next `n` operations of this kind, or of any kind, fail.
  void fail_next(JournalOp op, JournalFault fault, std::size_t n = 1);
  void fail_next(JournalFault fault, std::size_t n = 1);
  /// From now on faults and delays are drawn. The rates of faults are at most a million together,
  /// else std::invalid_argument.
  void fail_at_random(const JournalFaultRates& rates, std::uint64_t seed);
  /// From now on each operation of this kind waits so long first.
  void delay(JournalOp op, Duration wait);
  /// From now on operations of this kind wait until release(). One whose task is asked to stop
  /// meanwhile ends with Unavailable.
  void hold(JournalOp op);
  /// Lets go on what is held, and holds nothing any more.
  void release();
  /// No faults, delays or holds any more.
  void heal();

  std::size_t held() const;               ///< operations that wait for release()
  std::size_t calls(JournalOp op) const;  ///< that have begun
  std::size_t faults() const;             ///< that were taken or drawn

 private:
  std::shared_ptr<class FailingJournalCore> core_;
};

}  // namespace coerce::testkit
