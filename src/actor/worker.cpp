#include <coerce/actor/worker.hpp>

#include <algorithm>
#include <mutex>

namespace coerce::detail {

bool WorkerTable::usable(std::size_t place) const noexcept {
  return members_[place] != nullptr &&
         members_[place]->cell->status.load(std::memory_order_acquire) < ActorStatus::Stopping;
}

Result<WorkerTable::Lease> WorkerTable::take() {
  const std::lock_guard guard(lock_);
  if (outstanding_ >= options_.limit)
    return coerce::unexpected(ActorRefErr::Overloaded("the pool's limit of dispatches is reached"));
  std::optional<std::size_t> chosen;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const std::size_t place = (next_ + i) % members_.size();
    if (!usable(place)) continue;
    if (!chosen || members_[place]->outstanding < members_[*chosen]->outstanding) chosen = place;
    if (options_.strategy == WorkerStrategy::RoundRobin || members_[*chosen]->outstanding == 0)
      break;
  }
  if (!chosen) return coerce::unexpected(ActorRefErr::ActorUnavailable("the pool has no worker"));
  next_ = *chosen + 1;
  ++outstanding_;
  ++members_[*chosen]->outstanding;
  return Lease(shared_from_this(), members_[*chosen]);
}

void WorkerTable::give_back(Member& member) noexcept {
  bool stops = false;
  {
    const std::lock_guard guard(lock_);
    --outstanding_;
    stops = --member.outstanding == 0 && member.retired;
  }
  if (stops) (void)notify_stop(*member.cell);
}

void WorkerTable::resize(std::size_t count) {
  std::vector<std::shared_ptr<Member>> unused;
  {
    const std::lock_guard guard(lock_);
    for (std::size_t place = count; place < members_.size(); ++place) {
      auto& member = members_[place];
      if (member == nullptr) continue;
      member->retired = true;
      if (member->outstanding == 0) unused.push_back(std::move(member));
    }
    members_.resize(count);
  }
  for (const auto& member : unused) (void)notify_stop(*member->cell);
}

std::optional<std::size_t> WorkerTable::vacant_from(std::size_t place) const noexcept {
  const std::lock_guard guard(lock_);
  for (; place < members_.size(); ++place)
    if (members_[place] == nullptr) return place;
  return std::nullopt;
}

void WorkerTable::fill(std::size_t place, const CellRef& worker) {
  auto member = std::make_shared<Member>(worker);
  const std::lock_guard guard(lock_);
  members_[place] = std::move(member);
}

void WorkerTable::vacate(const ActorId& id) {
  std::shared_ptr<Member> ended;  // outlives the lock
  const std::lock_guard guard(lock_);
  for (auto& member : members_)
    if (member != nullptr && member->cell->id_view() == id.view() &&
        member->cell->status.load(std::memory_order_acquire) == ActorStatus::Stopped)
      ended = std::move(member);
}

void WorkerTable::set_strategy(WorkerStrategy strategy) noexcept {
  const std::lock_guard guard(lock_);
  options_.strategy = strategy;
}
WorkerStrategy WorkerTable::strategy() const noexcept {
  const std::lock_guard guard(lock_);
  return options_.strategy;
}
std::size_t WorkerTable::size() const noexcept {
  const std::lock_guard guard(lock_);
  return members_.size();
}
std::size_t WorkerTable::outstanding() const noexcept {
  const std::lock_guard guard(lock_);
  return outstanding_;
}

}  // namespace coerce::detail
