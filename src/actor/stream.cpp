#include <coerce/actor/stream.hpp>

#include <stdexcept>

#include "actor/failure.hpp"
#include "actor/system_core.hpp"

namespace coerce::detail {

namespace {
constexpr std::size_t kMostInWindow = 4096;
constexpr std::size_t kItemsPerTurn = 64;
}  // namespace

StreamProgress::StreamProgress(Cell& cell, StreamOptions options) : cell_(cell), options_(options) {
  if (options.window == 0 || options.window > kMostInWindow)
    throw std::invalid_argument("window: must be from 1 to 4096");
}

// The mailbox keeps the order: when one is answered, all before it have been handled.
bool StreamProgress::awaits_next() noexcept {
  if (++unawaited_ < options_.window) return false;
  unawaited_ = 0;
  return true;
}

bool StreamProgress::yields() noexcept {
  if (++since_yield_ < kItemsPerTurn) return false;
  since_yield_ = 0;
  return true;
}

bool StreamProgress::report(std::string_view error) noexcept {
  cell_->system->count_failure(*cell_, error, "stream");
  return options_.skip_errors;
}

bool StreamProgress::sent(const ActorRefErr* error, std::string_view message_type) noexcept {
  if (error == nullptr) return true;
  using Kind = ActorRefErr::Kind;
  const bool ended = cell_->status.load(std::memory_order_acquire) >= ActorStatus::Stopping;
  // An error of another kind, or of an actor that goes on, is what its handler answered.
  const bool lost =
      error->kind() == Kind::MailboxFull ||
      (ended && (error->kind() == Kind::InvalidRef || error->kind() == Kind::ResultChannelClosed));
  if (lost) count_dead_letter(*cell_, message_type);
  return !ended;
}

std::string exception_text(const std::exception_ptr& error) noexcept { return text_of(error); }

}  // namespace coerce::detail
