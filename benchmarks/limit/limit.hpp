/// \file
/// L, the unit in which the library's message costs are stated: one message through a bare mailbox
/// (two words, intrusive), a pooled envelope and one indirect call, with the actor idle each time.
/// No library code: this is the floor that the library is held against.

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace limit {

struct Cell;

struct Envelope {
  std::atomic<Envelope*> next;
  void (*handler)(Envelope*, Cell*);
  std::uint64_t flags;  // the library keeps a completion byte and flags here
  std::uint64_t payload;
};
static_assert(sizeof(Envelope) == 32);

struct Cell {
  std::atomic<Envelope*> head{nullptr};  // null: idle and empty
  Envelope* tail = nullptr;              // belongs to whoever owns the actor
  std::uint64_t sum = 0;                 // the actor's state
};

inline thread_local Envelope* free_envelopes = nullptr;

[[gnu::noinline, gnu::cold]] inline Envelope* new_envelope() { return new Envelope; }

inline Envelope* take_envelope() {
  if (Envelope* envelope = free_envelopes) {
    free_envelopes = envelope->next.load(std::memory_order_relaxed);
    return envelope;
  }
  return new_envelope();
}

inline void give_back(Envelope* envelope) {
  envelope->next.store(free_envelopes, std::memory_order_relaxed);
  free_envelopes = envelope;
}

/// True if this push made the actor runnable: the caller has to schedule it.
[[gnu::noinline]] inline bool push(Cell* cell, void (*handler)(Envelope*, Cell*),
                                   std::uint64_t payload) {
  Envelope* envelope = take_envelope();
  envelope->handler = handler;
  envelope->flags = 0;
  envelope->payload = payload;
  envelope->next.store(nullptr, std::memory_order_relaxed);
  // acq_rel pairs with the owner's CAS to null: who sees null also sees the last owner's writes.
  Envelope* previous = cell->head.exchange(envelope, std::memory_order_acq_rel);
  if (previous != nullptr) {
    previous->next.store(envelope,
                         std::memory_order_release);  // pairs with the owner's load of next
    return false;
  }
  cell->tail = envelope;
  return true;
}

/// Handles messages until the actor is idle.
[[gnu::noinline]] inline void run(Cell* cell) {
  for (Envelope* envelope = cell->tail;;) {
    envelope->handler(envelope, cell);
    Envelope* next = envelope->next.load(std::memory_order_acquire);
    if (next == nullptr) {
      Envelope* last = envelope;
      if (cell->head.compare_exchange_strong(last, nullptr, std::memory_order_acq_rel)) {
        give_back(envelope);
        return;
      }
      do {
        next = envelope->next.load(std::memory_order_acquire);  // its pusher is about to link it
      } while (next == nullptr);
    }
    cell->tail = next;
    give_back(envelope);
    envelope = next;
  }
}

[[gnu::noinline]] inline void add(Envelope* envelope, Cell* cell) {
  cell->sum += envelope->payload;
}

/// The compiler knows neither where the result points nor what memory holds afterwards.
template <class T>
T opaque(T pointer) {
  asm volatile("" : "+r"(pointer) : : "memory");
  return pointer;
}

/// Sends about `messages` messages, `batch` of them before the actor runs (1 for L), and gives what
/// one cost.
inline double ns_per_message(std::uint64_t messages, std::uint64_t batch = 1) {
  const auto push_function = opaque(&push);
  const auto run_function = opaque(&run);
  const auto handler = opaque(&add);
  Cell cell;
  Cell* const actor = opaque(&cell);

  const auto rounds = messages / batch;
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t round = 0; round < rounds; ++round) {
    bool runnable = false;
    for (std::uint64_t i = 0; i < batch; ++i) runnable |= push_function(actor, handler, i + 1);
    if (runnable) run_function(actor);
    asm volatile("" : : : "memory");
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;

  if (cell.sum != rounds * (batch * (batch + 1) / 2) || cell.head.load() != nullptr) {
    std::fprintf(stderr, "limit: a message was lost\n");
    std::exit(1);
  }
  return took.count() / static_cast<double>(rounds * batch);
}

}  // namespace limit
