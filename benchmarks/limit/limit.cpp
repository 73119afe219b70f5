/// \file
/// Measures L, the unit in which the library's message costs are stated: one message through a bare
/// mailbox (two words, intrusive), a pooled envelope and one indirect call, with the actor idle
/// each time. No library code: this is the floor that the library is held against.
///
///     limit [--runs R] [--batch B]
///
/// Prints one line of JSON: minimum and median over R runs (default 20) of 2M messages, in ns per
/// message. With --batch B, B messages are pushed before the actor runs (default 1, which is L).

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace {

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

thread_local Envelope* free_envelopes = nullptr;

[[gnu::noinline, gnu::cold]] Envelope* new_envelope() { return new Envelope; }

Envelope* take_envelope() {
  if (Envelope* envelope = free_envelopes) {
    free_envelopes = envelope->next.load(std::memory_order_relaxed);
    return envelope;
  }
  return new_envelope();
}

void give_back(Envelope* envelope) {
  envelope->next.store(free_envelopes, std::memory_order_relaxed);
  free_envelopes = envelope;
}

/// True if this push made the actor runnable: the caller has to schedule it.
[[gnu::noinline]] bool push(Cell* cell, void (*handler)(Envelope*, Cell*), std::uint64_t payload) {
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
[[gnu::noinline]] void run(Cell* cell) {
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

[[gnu::noinline]] void add(Envelope* envelope, Cell* cell) { cell->sum += envelope->payload; }

/// The compiler knows neither where the result points nor what memory holds afterwards.
template <class T>
T opaque(T pointer) {
  asm volatile("" : "+r"(pointer) : : "memory");
  return pointer;
}

constexpr std::uint64_t messages = 2'000'000;

double ns_per_message(std::uint64_t batch) {
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

}  // namespace

int main(int argc, char** argv) {
  long runs = 20;
  long batch = 1;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    const long value = i + 1 < argc ? std::strtol(argv[i + 1], nullptr, 10) : 0;
    if (name == "--runs" && value > 0) {
      runs = value;
    } else if (name == "--batch" && value > 0 && static_cast<std::uint64_t>(value) <= messages) {
      batch = value;
    } else {
      std::fprintf(stderr, "usage: %s [--runs R] [--batch B]\n", argv[0]);
      return 2;
    }
  }

  ns_per_message(static_cast<std::uint64_t>(batch));  // warm-up
  std::vector<double> results;
  for (long i = 0; i < runs; ++i)
    results.push_back(ns_per_message(static_cast<std::uint64_t>(batch)));
  std::sort(results.begin(), results.end());
  const auto middle = results.size() / 2;
  const double median =
      results.size() % 2 == 1 ? results[middle] : (results[middle - 1] + results[middle]) / 2;
  std::printf(
      R"({"bench":"limit","runs":%ld,"messages":%llu,"batch":%ld,"min_ns":%.2f,"median_ns":%.2f})"
      "\n",
      runs, static_cast<unsigned long long>(messages), batch, results.front(), median);
}
