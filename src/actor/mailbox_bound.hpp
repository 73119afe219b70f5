/// \file
/// The bound of a mailbox.

#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include <coerce/actor/detail/cell.hpp>
#include <coerce/runtime/detail/spin_lock.hpp>

namespace coerce::detail {

/// With Reject and Suspend a count beside the lane: senders count what they push, the owner what it
/// takes. A suspended sender's message stands in the lane like any other, beyond the capacity; its
/// memory is the sender's own frame, and it is taken in its turn.
///
/// With DropOldest the messages wait in a ring under a lock, and the lane holds one ticket as long
/// as any do. Whoever handles the ticket takes the oldest. The ticket stays in front while nothing
/// else is behind it, so that a busy ring costs no envelopes and other messages have their turn.
struct MailboxBound {
  explicit MailboxBound(const MailboxOptions& mailbox);

  bool drops() const noexcept { return options.overflow == Overflow::DropOldest; }

  /// Any thread, with Reject and Suspend. False: full.
  bool count_pushed(bool awaited) noexcept;
  /// Owner only.
  void count_taken() noexcept {
    taken.store(taken.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  /// Any thread, with DropOldest.
  Pushed push_dropping(Cell& cell, ThreadState& thread, Envelope& envelope) noexcept;
  /// Owner only, with DropOldest: the oldest, or null.
  Envelope* take_oldest() noexcept;
  /// Under the lock.
  Envelope* pop() noexcept;
  /// The ticket has been used. True: another is needed.
  bool needs_ticket() noexcept;
  /// Rejects what waits in the ring and takes no more. Nothing with Reject and Suspend.
  void close(Cell& cell) noexcept;
  std::size_t waiting_in_ring() const noexcept { return count.load(std::memory_order_relaxed); }
  /// Owner only, with DropOldest: looks at what waits. Under the lock.
  template <class F>
  void for_each(F&& function) {
    const std::lock_guard guard(lock);
    for (std::size_t i = 0; i < waiting_in_ring(); ++i) function(*ring[(first + i) % ring.size()]);
  }

  const MailboxOptions options;
  const std::size_t most_awaited;        ///< the capacity for awaited sends
  std::atomic<std::uint64_t> pushed{1};  // the start
  std::atomic<std::uint64_t> taken{0};

  SpinLock lock;
  std::vector<Envelope*> ring;
  std::size_t first = 0;
  std::atomic<std::size_t> count{0};  ///< written under the lock
  bool has_ticket = false;
  bool closed = false;
};

/// Is the envelope a ticket that is to be handled again?
bool stays_in_front(const Envelope& envelope) noexcept;
/// The message that a lane's envelope stands for: itself, or what the ticket of a ring has taken.
Envelope& message_of(Envelope& envelope) noexcept;

}  // namespace coerce::detail
