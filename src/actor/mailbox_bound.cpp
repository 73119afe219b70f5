#include "actor/mailbox_bound.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "actor/cell_extras.hpp"

namespace coerce::detail {

namespace {

constexpr std::size_t kFirstRing = 16;

/// Stands in the lane for the messages of a ring.
struct Ticket : Envelope {
  Ticket() noexcept : Envelope(&handle, Completion::Pooled, pool_class(sizeof(Ticket))) {}
  static Ticket& make(ThreadState& thread) {
    return *new (pool_allocate(thread, sizeof(Ticket))) Ticket();
  }

  static bool handle(Envelope& envelope, Unit& unit, Op op, void* argument) {
    auto& self = static_cast<Ticket&>(envelope);
    Cell& cell = cell_of(unit);
    MailboxBound& bound = *cell.extras->bound;
    switch (op) {
      case Op::Run:
        self.current = bound.take_oldest();
        if (self.current == nullptr) break;
        cell.current.store(self.current->op, std::memory_order_relaxed);
        [[fallthrough]];
      case Op::Collect:
        if (!self.current->op(*self.current, unit, op, argument)) return false;
        complete(thread_state(), *self.current);
        break;
      case Op::Name:  // Cell::current has the name of the message itself
        return true;
      default:
        bound.close(cell);
        return true;
    }
    if (bound.needs_ticket()) {
      ThreadState& thread = thread_state();
      cell.enqueue(thread, make(thread));
    }
    return true;
  }

  Envelope* current = nullptr;  ///< being handled
};

void give_up(Cell& cell, Envelope& envelope, Op op) noexcept {
  envelope.op(envelope, cell, op, nullptr);
  complete(thread_state(), envelope);
}

}  // namespace

MailboxBound::MailboxBound(const MailboxOptions& mailbox) : options(mailbox) {}

bool MailboxBound::count_pushed(bool awaited) noexcept {
  const std::size_t most = awaited && options.overflow == Overflow::Suspend
                               ? options.capacity + options.suspended
                               : options.capacity;
  const std::uint64_t before = pushed.fetch_add(1, std::memory_order_relaxed);
  if (before - taken.load(std::memory_order_relaxed) < most) return true;
  pushed.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

Pushed MailboxBound::push_dropping(Cell& cell, ThreadState& thread, Envelope& envelope) noexcept {
  Envelope* dropped = nullptr;
  bool wants_ticket = false;
  {
    const std::lock_guard guard(lock);
    if (closed) return Pushed::Refused;
    if (count == options.capacity) {
      dropped = ring[first];
      first = (first + 1) % ring.size();
      --count;
    } else if (count == ring.size()) {
      std::rotate(ring.begin(), ring.begin() + static_cast<std::ptrdiff_t>(first), ring.end());
      first = 0;
      ring.resize(std::min(std::max(2 * ring.size(), kFirstRing), options.capacity));
    }
    ring[(first + count) % ring.size()] = &envelope;
    ++count;
    wants_ticket = !std::exchange(has_ticket, true);
  }
  if (wants_ticket) cell.enqueue(thread, Ticket::make(thread));
  if (dropped != nullptr) give_up(cell, *dropped, Op::Drop);
  return Pushed::Taken;
}

Envelope* MailboxBound::take_oldest() noexcept {
  const std::lock_guard guard(lock);
  if (count == 0) return nullptr;
  Envelope* oldest = ring[first];
  first = (first + 1) % ring.size();
  --count;
  return oldest;
}

bool MailboxBound::needs_ticket() noexcept {
  const std::lock_guard guard(lock);
  return has_ticket = count != 0;
}

void MailboxBound::close(Cell& cell) noexcept {
  if (!drops()) return;
  {
    const std::lock_guard guard(lock);
    closed = true;
  }
  while (Envelope* oldest = take_oldest()) give_up(cell, *oldest, Op::Reject);
}

std::size_t MailboxBound::waiting_in_ring() noexcept {
  const std::lock_guard guard(lock);
  return count;
}

Envelope& message_of(Envelope& envelope) noexcept {
  if (envelope.op != &Ticket::handle) return envelope;
  Envelope* taken = static_cast<Ticket&>(envelope).current;
  return taken != nullptr ? *taken : envelope;
}

void bind_mailbox(Cell& cell, const MailboxOptions& options) {
  if (options.stash != MailboxOptions().stash) cell.more().stash.limit = options.stash;
  if (options.capacity == 0) {
    if (cell.extras != nullptr) cell.extras->bound = nullptr;
    cell.entry.store(Entry::Open, std::memory_order_relaxed);
  } else {
    cell.more().bound = std::make_unique<MailboxBound>(options);
    cell.entry.store(Entry::Bounded, std::memory_order_relaxed);
  }
  if (cell.type->handle_receive_timeout != nullptr)
    cell.run = &Cell::run_cell<Counts::Handled>;
  else if (options.capacity != 0 && !cell.extras->bound->drops())
    cell.run = &Cell::run_cell<Counts::Taken>;
  else
    cell.run = &Cell::run_cell<Counts::Nothing>;
}

void Cell::count_if_bounded() const noexcept {
  if (extras != nullptr && extras->bound && !extras->bound->drops()) extras->bound->count_taken();
}

MailboxBound& Cell::bound() const noexcept { return *extras->bound; }

Pushed Cell::push_checked(ThreadState& thread, Envelope& envelope, bool awaited) noexcept {
  if (entry.load(std::memory_order_relaxed) == Entry::Closed) return Pushed::Refused;
  MailboxBound& limit = bound();
  if (limit.drops()) return limit.push_dropping(*this, thread, envelope);
  if (!limit.count_pushed(awaited)) return Pushed::Full;
  enqueue(thread, envelope);
  return Pushed::Taken;
}

void Cell::enqueue_own(ThreadState& thread, Envelope& envelope) noexcept {
  // Not by `extras`, which the owner may be making just now, unless it was bound from the
  // beginning.
  if (entry.load(std::memory_order_relaxed) == Entry::Bounded)
    bound().pushed.fetch_add(1, std::memory_order_relaxed);
  enqueue(thread, envelope);
}

}  // namespace coerce::detail
