#include "actor/mailbox_bound.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "actor/cell_extras.hpp"

namespace coerce::detail {

inline Envelope* MailboxBound::pop() noexcept {
  const std::size_t waiting = count.load(std::memory_order_relaxed);
  if (waiting == 0) return nullptr;
  Envelope* oldest = ring[first];
  if (++first == ring.size()) first = 0;
  count.store(waiting - 1, std::memory_order_relaxed);
  return oldest;
}

// Only the owner takes without putting something else in the place, so more than none stays so.
inline bool MailboxBound::needs_ticket() noexcept {
  if (count.load(std::memory_order_relaxed) != 0) return true;
  const std::lock_guard guard(lock);
  return has_ticket = count.load(std::memory_order_relaxed) != 0;
}

inline Envelope* MailboxBound::take_oldest() noexcept {
  const std::lock_guard guard(lock);
  return pop();
}

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
    // It stays in front while nothing else waits behind it.
    self.current = nullptr;
    self.stays = false;
    if (!bound.needs_ticket()) return true;
    self.stays = cell.run == &Cell::run_cell<Counts::Ring> && !cell.lane.has_next();
    if (!self.stays) {
      ThreadState& thread = thread_state();
      cell.enqueue(thread, make(thread));
    }
    return true;
  }

  Envelope* current = nullptr;  ///< being handled
  bool stays = false;
};

void give_up(Cell& cell, Envelope& envelope, Op op) noexcept {
  envelope.op(envelope, cell, op, nullptr);
  complete(thread_state(), envelope);
}

}  // namespace

MailboxBound::MailboxBound(const MailboxOptions& mailbox)
    : options(mailbox),
      most_awaited(mailbox.capacity +
                   (mailbox.overflow == Overflow::Suspend ? mailbox.suspended : 0)) {}

inline bool MailboxBound::count_pushed(bool awaited) noexcept {
  const std::size_t most = awaited ? most_awaited : options.capacity;
  const std::uint64_t before = pushed.fetch_add(1, std::memory_order_relaxed);
  // Others may have been counted and taken meanwhile, so that more than these are taken.
  const auto waiting = static_cast<std::int64_t>(before - taken.load(std::memory_order_relaxed));
  if (waiting < static_cast<std::int64_t>(most)) [[likely]]
    return true;
  pushed.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

Pushed MailboxBound::push_dropping(Cell& cell, ThreadState& thread, Envelope& envelope) noexcept {
  Envelope* dropped = nullptr;
  bool wants_ticket = false;
  {
    const std::lock_guard guard(lock);
    if (closed) return Pushed::Refused;
    std::size_t waiting = count.load(std::memory_order_relaxed);
    if (waiting == options.capacity) {
      dropped = pop();
      --waiting;
    } else if (waiting == ring.size()) {
      std::rotate(ring.begin(), ring.begin() + static_cast<std::ptrdiff_t>(first), ring.end());
      first = 0;
      ring.resize(std::min(std::max(2 * ring.size(), kFirstRing), options.capacity));
    }
    const std::size_t end = first + waiting;
    ring[end < ring.size() ? end : end - ring.size()] = &envelope;
    count.store(waiting + 1, std::memory_order_relaxed);
    wants_ticket = !std::exchange(has_ticket, true);
  }
  if (wants_ticket) cell.enqueue(thread, Ticket::make(thread));
  if (dropped != nullptr) give_up(cell, *dropped, Op::Drop);
  return Pushed::Taken;
}

void MailboxBound::close(Cell& cell) noexcept {
  if (!drops()) return;
  {
    const std::lock_guard guard(lock);
    closed = true;
  }
  while (Envelope* oldest = take_oldest()) give_up(cell, *oldest, Op::Reject);
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
  else if (options.capacity != 0)
    cell.run = &Cell::run_cell<Counts::Ring>;
  else
    cell.run = &Cell::run_cell<Counts::Nothing>;
}

bool stays_in_front(const Envelope& envelope) noexcept {
  return envelope.op == &Ticket::handle && static_cast<const Ticket&>(envelope).stays;
}

void Cell::count_if_bounded() const noexcept {
  if (extras != nullptr && extras->bound && !extras->bound->drops()) extras->bound->count_taken();
}

MailboxBound& Cell::bound() const noexcept { return *extras->bound; }

inline Pushed Cell::push_bounded(ThreadState& thread, Envelope& envelope, bool awaited) noexcept {
  MailboxBound& limit = bound();
  if (limit.drops()) return limit.push_dropping(*this, thread, envelope);
  if (!limit.count_pushed(awaited)) [[unlikely]]
    return Pushed::Full;
  enqueue(thread, envelope);
  return Pushed::Taken;
}

Pushed Cell::push_checked(ThreadState& thread, Envelope& envelope, bool awaited) noexcept {
  const Entry now = entry.load(std::memory_order_relaxed);
  if (now == Entry::Closed) return Pushed::Refused;
  if (now == Entry::Foreign) return push_foreign(thread, envelope);
  return push_bounded(thread, envelope, awaited);
}

Pushed notify_checked(ThreadState& thread, Cell& cell, Envelope& envelope,
                      void (*destroy)(Envelope&) noexcept) noexcept {
  const Pushed pushed = cell.push_checked(thread, envelope, false);
  if (pushed != Pushed::Taken) [[unlikely]] {
    destroy(envelope);
    free_envelope(thread, envelope);
  }
  return pushed;
}

void Cell::enqueue_own(ThreadState& thread, Envelope& envelope) noexcept {
  // Not by `extras`, which the owner may be making just now, unless it was bound from the
  // beginning.
  if (entry.load(std::memory_order_relaxed) == Entry::Bounded)
    bound().pushed.fetch_add(1, std::memory_order_relaxed);
  enqueue(thread, envelope);
}

}  // namespace coerce::detail
