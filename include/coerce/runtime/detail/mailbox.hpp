/// \file
/// The user lane of a mailbox: two words, many producers, one owner.
///
/// A variant of the MCS queue lock (Mellor-Crummey and Scott, 1991): whoever finds the lane empty
/// becomes the owner of the actor, so no other state says whether the actor is scheduled.

#pragma once

#include <cstdint>

#include <coerce/runtime/detail/atomics.hpp>

namespace coerce::detail {

enum class LanePush : std::uint8_t {
  Queued,       ///< somebody owns the actor and will see the node
  BecameOwner,  ///< the lane was idle: the pusher now owns the actor and must schedule it
  Closed,       ///< the actor has ended: the pusher must call reject_closed()
};

/// `Node` has a member `next` of type `Atomics::Atomic<Node*>`.
///
/// A wake-up cannot be lost because `head_` has one total modification order: a push either sees a
/// node (then the owner's compare-exchange to null must fail and it finds the new node) or sees
/// null (then it is the only one that does, and schedules).
template <class Node, class Atomics = StdAtomics>
class MailboxLane {
 public:
  MailboxLane() noexcept = default;
  /// Before anybody else knows the lane: its first node. The creator owns it.
  void begin(Node* first) noexcept {
    head_.store(first, std::memory_order_relaxed);
    tail_ = first;
  }

  /// \pre node->next is null
  LanePush push(Node* node) noexcept {
    // acq_rel: release publishes the node, acquire sees the last owner's writes when we become
    // owner.
    Node* previous = head_.exchange(node, std::memory_order_acq_rel);
    if (previous == nullptr) {
      tail_ = node;
      return LanePush::BecameOwner;
    }
    if (previous == closed_mark()) {
      tail_ = node;
      return LanePush::Closed;
    }
    previous->next.store(node, std::memory_order_release);  // pairs with the load in next_of()
    return LanePush::Queued;
  }

  /// The node being handled or to be handled next. Owner only.
  Node* front() const noexcept { return tail_; }

  /// Owner only: is a node known to wait behind the front?
  bool has_next() const noexcept { return tail_->next.load(std::memory_order_acquire) != nullptr; }

  /// Owner only: is there nothing behind the front, not even what is about to be linked?
  bool is_last() const noexcept { return head_.load(std::memory_order_acquire) == tail_; }

  /// Removes the front and returns the new one. Null: the lane was empty and ownership is given up;
  /// the caller may touch nothing of the actor any more.
  Node* pop_or_idle() noexcept {
    return pop_or_store(nullptr, [](bool) {});
  }
  /// The same; `leave(true)` is called before ownership may be given up, `leave(false)` if it was
  /// not given up after all.
  template <class Leave>
  Node* pop_or_idle(Leave&& leave) noexcept {
    return pop_or_store(nullptr, leave);
  }

  /// Removes the front and returns the new one. Null: the lane is closed for ever.
  Node* pop_or_close() noexcept {
    return pop_or_store(closed_mark(), [](bool) {});
  }

  /// Owner only: puts a chain of nodes behind the front, before everything else.
  void insert_behind_front(Node* first, Node* last) noexcept {
    Node* front = tail_;
    last->next.store(nullptr, std::memory_order_relaxed);
    Node* expected = front;
    if (front->next.load(std::memory_order_acquire) != nullptr ||
        !head_.compare_exchange_strong(expected, last, std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
      Node* next = nullptr;
      for (unsigned spins = 0; (next = front->next.load(std::memory_order_acquire)) == nullptr;)
        Atomics::wait_step(spins);
      last->next.store(next, std::memory_order_relaxed);
    }
    front->next.store(first, std::memory_order_relaxed);
  }

  /// Owner only: the same before the front, which is not being handled.
  void insert_before_front(Node* first, Node* last) noexcept {
    last->next.store(tail_, std::memory_order_relaxed);
    tail_ = first;
  }

  /// Ends a push that returned Closed: gives every node in the lane to `reject`.
  template <class Reject>
  void reject_closed(Reject&& reject) noexcept {
    for (Node* node = tail_; node != nullptr;) {
      Node* rejected = node;
      node = pop_or_close();
      reject(rejected);
    }
  }

  bool is_closed() const noexcept { return head_.load(std::memory_order_acquire) == closed_mark(); }
  bool is_idle() const noexcept { return head_.load(std::memory_order_acquire) == nullptr; }

 private:
  static Node* closed_mark() noexcept { return reinterpret_cast<Node*>(std::uintptr_t{1}); }

  template <class Leave>
  Node* pop_or_store(Node* empty, Leave&& leave) noexcept {
    Node* node = tail_;
    Node* next = node->next.load(std::memory_order_acquire);
    if (next == nullptr) {
      Node* expected = node;
      leave(true);
      if (head_.compare_exchange_strong(expected, empty, std::memory_order_acq_rel,
                                        std::memory_order_acquire))
        return nullptr;
      // A producer has exchanged the head and is about to link its node.
      for (unsigned spins = 0; (next = node->next.load(std::memory_order_acquire)) == nullptr;)
        Atomics::wait_step(spins);
      leave(false);
    }
    tail_ = next;
    return next;
  }

  typename Atomics::template Atomic<Node*> head_{nullptr};
  Node* tail_ = nullptr;
};

}  // namespace coerce::detail
