/// \file
/// How processes that write one SQLite file take turns.

#pragma once

#include <string>

#include "coordination/sqlite_connection.hpp"

#include <coerce/runtime/clock.hpp>
#include <coerce/runtime/rng.hpp>

namespace coerce::detail::sqlite {

/// Gets the write lock of a file for a connection, and lets others get it.
///
/// SQLite's lock knows no queue: who releases it and wants it again finds it free, and who waits
/// looks for it now and then. So who waits shows it, by a shared lock on a file beside the
/// database, `<file>-turn`; and who has written for as long as a turn, and sees that, holds back
/// for longer than those who wait leave between two looks. The locks end with their process. If
/// the file cannot be used nobody holds back: it serves fairness alone.
///
/// For one thread.
class Turns {
 public:
  Turns(const std::string& database_path, Duration turn);
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;
  ~Turns();

  /// Begins a transaction that writes; looks for the lock once, and then until `deadline`. False:
  /// the connection tells why.
  bool begin(Connection& connection, TimePoint deadline);
  /// Has the present transaction lasted for a turn? Then it should end.
  bool transaction_is_long() const noexcept { return clock_.now() - transaction_began_ >= turn_; }
  TimePoint now() const noexcept { return clock_.now(); }

 private:
  bool over() const noexcept { return clock_.now() - began_ >= turn_; }
  void hold_back();
  void show_waiting() noexcept;
  void unlock() noexcept;
  bool keep_looking();
  static int on_busy(void* self, int) { return static_cast<Turns*>(self)->keep_looking() ? 1 : 0; }

  const Duration turn_;
  SystemClock clock_;
  Rng rng_{Rng::random_seed()};
  int file_;
  bool shown_ = false;   ///< that this one waits
  bool looked_ = false;  ///< again, for the lock of the present transaction
  TimePoint began_{};    ///< the present turn, which may have several transactions
  TimePoint transaction_began_{};
  TimePoint deadline_{};
};

}  // namespace coerce::detail::sqlite
