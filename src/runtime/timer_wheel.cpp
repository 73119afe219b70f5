#include <coerce/runtime/detail/timer_wheel.hpp>

#include <algorithm>
#include <bit>
#include <functional>

namespace coerce::detail {

namespace {

void push_front(TimerNode*& head, TimerNode& node) noexcept {
  node.next = head;
  node.previous_link = &head;
  if (head != nullptr) head->previous_link = &node.next;
  head = &node;
}

void unlink(TimerNode& node) noexcept {
  *node.previous_link = node.next;
  if (node.next != nullptr) node.next->previous_link = node.previous_link;
  node.previous_link = nullptr;
}

}  // namespace

void TimerWheel::insert(TimerNode& node, std::uint64_t tick) noexcept {
  node.tick = std::max(tick, now_ + 1);
  link(node);
  ++size_;
}

// The level is given by the highest group of bits in which the deadline differs from now, so that a
// node is never behind the hand of its level.
void TimerWheel::link(TimerNode& node) noexcept {
  const std::uint64_t tick = std::min(node.tick, now_ + kHorizon - (kHorizon >> kBits));
  const std::uint64_t differing = (tick ^ now_) | 1;
  const unsigned level =
      std::min((63U - static_cast<unsigned>(std::countl_zero(differing))) / kBits, kLevels - 1);
  const auto slot = static_cast<unsigned>(tick >> (level * kBits)) % kSlots;
  levels_[level].occupied |= std::uint64_t{1} << slot;
  push_front(levels_[level].slots[slot], node);
}

bool TimerWheel::remove(TimerNode& node) noexcept {
  if (!node.linked()) return false;
  TimerNode** const link = node.previous_link;
  unlink(node);
  if (*link == nullptr) clear_bit_of(link);
  --size_;
  return true;
}

// `slot` may also be the link of another node, which has no bit.
void TimerWheel::clear_bit_of(TimerNode* const* slot) noexcept {
  for (Level& level : levels_) {
    TimerNode* const* first = level.slots.data();
    if (std::less<>()(slot, first) || !std::less<>()(slot, first + kSlots)) continue;
    level.occupied &= ~(std::uint64_t{1} << (slot - first));
    return;
  }
}

std::optional<TimerWheel::Expiry> TimerWheel::next_expiry() const noexcept {
  for (unsigned level = 0; level < kLevels; ++level) {
    const std::uint64_t occupied = levels_[level].occupied;
    if (occupied == 0) continue;
    const unsigned shift = level * kBits;
    const auto hand = static_cast<unsigned>(now_ >> shift) % kSlots;
    const unsigned ahead =
        static_cast<unsigned>(std::countr_zero(std::rotr(occupied, static_cast<int>(hand))));
    const unsigned slot = (hand + ahead) % kSlots;
    const std::uint64_t turn = std::uint64_t{1} << (shift + kBits);
    std::uint64_t tick = (now_ & ~(turn - 1)) + (std::uint64_t{slot} << shift);
    if (tick <= now_ && slot != hand) tick += turn;  // only the last level wraps around
    return Expiry{level, slot, std::max(tick, now_)};
  }
  return std::nullopt;
}

std::optional<std::uint64_t> TimerWheel::next_tick() const noexcept {
  if (due_ != nullptr) return now_;
  const auto expiry = next_expiry();
  return expiry ? std::optional(expiry->tick) : std::nullopt;
}

void TimerWheel::fire(TimerNode& node) noexcept {
  unlink(node);
  --size_;
  node.fire(node);  // may destroy the node or hand it to another thread
}

std::size_t TimerWheel::due_count() const noexcept {
  std::size_t count = 0;
  for (const TimerNode* node = due_; node != nullptr; node = node->next) ++count;
  return count;
}

void TimerWheel::fire_due(std::size_t index) noexcept {
  TimerNode* node = due_;
  for (; index != 0; --index) node = node->next;
  fire(*node);
}

std::size_t TimerWheel::advance(std::uint64_t tick, std::size_t limit) noexcept {
  std::size_t fired = 0;
  for (;;) {
    while (due_ != nullptr) {
      if (fired == limit) return fired;
      ++fired;
      fire(*due_);
    }
    const auto expiry = next_expiry();
    if (!expiry || expiry->tick > tick) break;
    now_ = expiry->tick;
    Level& level = levels_[expiry->level];
    level.occupied &= ~(std::uint64_t{1} << expiry->slot);
    TimerNode* list = level.slots[expiry->slot];
    level.slots[expiry->slot] = nullptr;
    // Slots are stacks, so turning them round restores the order of arming.
    TimerNode* oldest = nullptr;
    while (list != nullptr) {
      TimerNode& node = *list;
      list = node.next;
      if (node.tick <= now_) {
        push_front(due_, node);
      } else {
        node.next = oldest;
        oldest = &node;
      }
    }
    while (oldest != nullptr) {
      TimerNode& node = *oldest;
      oldest = node.next;
      link(node);
    }
  }
  now_ = std::max(now_, tick);
  return fired;
}

}  // namespace coerce::detail
