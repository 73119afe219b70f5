#include "coordination/sqlite_turns.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "runtime/thread_pause.hpp"

namespace coerce::detail::sqlite {

using namespace std::chrono_literals;

namespace {
/// Who waits looks again after a time that is drawn between these.
constexpr Duration kLeastPause = 200us;
constexpr Duration kMostPause = 1ms;
/// Who has had its turn holds back so long: every one who waits looks meanwhile.
constexpr Duration kHoldBack = 2ms;
}  // namespace

Turns::Turns(const std::string& database_path, Duration turn)
    : turn_(turn),
      file_(::open((database_path + "-turn").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {}

Turns::~Turns() {
  if (file_ >= 0) ::close(file_);
}

bool Turns::begin(Connection& connection, TimePoint deadline) {
  const bool over_now = over();
  if (over_now) hold_back();
  deadline_ = deadline;
  looked_ = false;
  sqlite3_busy_handler(connection.handle(), &on_busy, this);
  const bool begun = connection.begin();
  sqlite3_busy_handler(connection.handle(), nullptr, nullptr);
  if (shown_) unlock();
  transaction_began_ = clock_.now();
  if (over_now || looked_) began_ = transaction_began_;
  return begun;
}

void Turns::hold_back() {
  if (file_ < 0) return;
  if (::flock(file_, LOCK_EX | LOCK_NB) == 0)
    unlock();  // nobody waits
  else
    pause_thread(kHoldBack + Duration(static_cast<Duration::rep>(
                                 rng_.below(static_cast<std::uint64_t>(kMostPause.count())))));
}

bool Turns::keep_looking() {
  looked_ = true;
  if (clock_.now() >= deadline_) return false;
  show_waiting();
  const auto range = static_cast<std::uint64_t>((kMostPause - kLeastPause).count());
  pause_thread(kLeastPause + Duration(static_cast<Duration::rep>(rng_.below(range))));
  return true;
}

void Turns::show_waiting() noexcept {
  // It fails while the one whose turn it is looks who waits, a matter of microseconds; the next
  // look shows it then.
  if (file_ >= 0 && !shown_) shown_ = ::flock(file_, LOCK_SH | LOCK_NB) == 0;
}

void Turns::unlock() noexcept {
  ::flock(file_, LOCK_UN);
  shown_ = false;
}

}  // namespace coerce::detail::sqlite
