#include <coerce/persistence/persistence.hpp>

#include <algorithm>
#include <stdexcept>

#include <coerce/actor/system.hpp>

#include "persistence/recovery_slots.hpp"

namespace coerce {

Persistence::Persistence(std::shared_ptr<JournalStorage> storage, const PersistenceOptions& options)
    : storage_(std::move(storage)), options_(options) {
  if (options.concurrent_recoveries == 0)
    throw std::invalid_argument("PersistenceOptions: concurrent_recoveries must not be 0");
  if (options.read_bytes == 0)
    throw std::invalid_argument("PersistenceOptions: read_bytes must not be 0");
}

const std::shared_ptr<JournalStorage>& Persistence::storage_of(const ActorContext& context) const {
  return storage_of(static_cast<const detail::Cell&>(context).type);
}

const std::shared_ptr<JournalStorage>& Persistence::storage_of(const void* actor_type) const {
  const auto place = by_actor_.find(actor_type);
  return place != by_actor_.end() ? place->second : storage_;
}

std::shared_ptr<detail::PersistenceExtension> make_extension(Persistence persistence) {
  return std::make_shared<detail::PersistenceExtension>(std::move(persistence));
}

namespace detail {

PersistenceExtension::PersistenceExtension(Persistence persistence)
    : persistence_(std::move(persistence)),
      slots_(std::make_unique<RecoverySlots>(persistence_.options().concurrent_recoveries)) {}
PersistenceExtension::~PersistenceExtension() = default;

std::size_t read_bytes(const ActorContext& context) noexcept {
  const auto* extension = context.system().extension<PersistenceExtension>();
  return (extension != nullptr ? extension->persistence().options() : PersistenceOptions())
      .read_bytes;
}

Task<RecoverySlots::Slot> RecoverySlots::take() {
  std::shared_ptr<AsyncEvent> turn;
  {
    const std::lock_guard guard(mutex_);
    if (free_ != 0) {
      --free_;
      co_return Slot(*this);
    }
    turn = std::make_shared<AsyncEvent>();
    waiting_.push_back(turn);
  }
  const bool came = co_await turn->wait();
  if (came) co_return Slot(*this);
  const std::lock_guard guard(mutex_);
  // Its turn may have come at the same moment: then it is passed on.
  if (std::erase(waiting_, turn) == 0) pass_on();
  co_return Slot();
}

void RecoverySlots::give_back() {
  const std::lock_guard guard(mutex_);
  pass_on();
}

void RecoverySlots::pass_on() {
  if (waiting_.empty()) {
    ++free_;
    return;
  }
  waiting_.front()->set();
  waiting_.pop_front();
}

}  // namespace detail
}  // namespace coerce
