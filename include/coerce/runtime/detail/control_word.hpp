/// \file
/// The system lane: one word that holds a stack of nodes and who may run.

#pragma once

#include <cstdint>

#include <coerce/runtime/detail/atomics.hpp>

namespace coerce::detail {

enum class ControlPush : std::uint8_t {
  Queued,       ///< the owner will see it
  KickNeeded,   ///< push a kick into the user lane: the owner may be idle or busy with messages
  BecameOwner,  ///< the unit was suspended: the pusher owns it now and must schedule it
  Closed,       ///< the unit has ended; the node was not taken
};

/// A stack of nodes with the bits KICKED, SUSPENDED and CLOSED in the same word.
///
/// Whatever resumes a suspended unit takes its ownership by clearing SUSPENDED. While somebody else
/// holds the unit, a completion is pushed like any other node, and the holder finds it before it
/// can set SUSPENDED again; so completions need no state of their own. `Node` has an
/// `Atomics::Atomic<Node*> next` and is aligned to 8.
template <class Node, class Atomics = StdAtomics>
class ControlWord {
 public:
  /// Pushes a system message.
  ControlPush push(Node* node) noexcept { return push_node(node, kKicked); }

  /// Pushes a completion to a unit that is suspended or about to be, which has an owner: no kick.
  ControlPush push_completion(Node* node) noexcept { return push_node(node, 0); }

  /// Takes ownership of a suspended unit whose lane is empty, without linking anything.
  bool try_take_suspended() noexcept {
    std::uintptr_t word = word_.load(std::memory_order_relaxed);
    return (word & (kSuspended | kPointer)) == kSuspended &&
           word_.compare_exchange_strong(word, word & ~kSuspended, std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
  }

  /// Owner only: gives up ownership until something is pushed. False: something is there already.
  bool suspend() noexcept {
    std::uintptr_t word = word_.load(std::memory_order_acquire);
    return (word & kPointer) == 0 &&
           word_.compare_exchange_strong(word, word | kSuspended, std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
  }

  bool has_nodes() const noexcept {
    return (word_.load(std::memory_order_acquire) & kPointer) != 0;
  }

  /// Owner only: takes all nodes, oldest first, linked by `next`.
  Node* take() noexcept {
    return reversed(word_.fetch_and(~kPointer, std::memory_order_acq_rel) & kPointer);
  }

  /// Owner only: the kick was dispatched; the next push needs a new one. Look at the lane
  /// afterwards.
  void kick_seen() noexcept { word_.fetch_and(~kKicked, std::memory_order_acq_rel); }

  /// Owner only: takes what is left, oldest first; every later push is refused.
  Node* close() noexcept {
    return reversed(word_.exchange(kClosed, std::memory_order_acq_rel) & kPointer);
  }

 private:
  static constexpr std::uintptr_t kKicked = 1;
  static constexpr std::uintptr_t kSuspended = 2;
  static constexpr std::uintptr_t kClosed = 4;
  static constexpr std::uintptr_t kPointer = ~std::uintptr_t{7};

  ControlPush push_node(Node* node, std::uintptr_t kick) noexcept {
    // Whoever finds it closed reads what its owner wrote before.
    std::uintptr_t word = word_.load(std::memory_order_acquire);
    for (;;) {
      if (word & kClosed) return ControlPush::Closed;
      node->next.store(reinterpret_cast<Node*>(word & kPointer), std::memory_order_relaxed);
      const bool suspended = (word & kSuspended) != 0;
      const std::uintptr_t kept = suspended ? word & kKicked : (word & kKicked) | kick;
      if (word_.compare_exchange_weak(word, reinterpret_cast<std::uintptr_t>(node) | kept,
                                      std::memory_order_acq_rel, std::memory_order_acquire)) {
        if (suspended) return ControlPush::BecameOwner;
        return kick != 0 && (word & kKicked) == 0 ? ControlPush::KickNeeded : ControlPush::Queued;
      }
    }
  }

  static Node* reversed(std::uintptr_t stack) noexcept {
    Node* list = nullptr;
    for (Node* node = reinterpret_cast<Node*>(stack); node != nullptr;) {
      Node* below = node->next.load(std::memory_order_relaxed);
      node->next.store(list, std::memory_order_relaxed);
      list = node;
      node = below;
    }
    return list;
  }

  typename Atomics::template Atomic<std::uintptr_t> word_{0};
};

}  // namespace coerce::detail
