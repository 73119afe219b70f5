/// \file
/// Cancellation inside one unit.

#pragma once

namespace coerce::detail {

/// An operation that can be cancelled while it waits. Owner of the unit only.
struct CancelNode {
  explicit CancelNode(void (*function)(CancelNode&) noexcept) noexcept : cancel(function) {}
  CancelNode(const CancelNode&) = delete;
  CancelNode& operator=(const CancelNode&) = delete;
  ~CancelNode() { unlink(); }

  void unlink() noexcept {
    if (previous_link == nullptr) return;
    *previous_link = next;
    if (next != nullptr) next->previous_link = previous_link;
    previous_link = nullptr;
  }

  void (*cancel)(CancelNode&) noexcept;
  CancelNode* next = nullptr;
  CancelNode** previous_link = nullptr;
};

/// A part of a chain of tasks that is asked to stop as a whole. All of it is used by the unit's
/// owner alone, so it needs no atomics; a request from elsewhere arrives through the unit's system
/// lane.
class CancelScope {
 public:
  explicit CancelScope(bool is_abandonable = false) noexcept
      : kind_(is_abandonable ? kAbandonable : kPlain) {}
  CancelScope(const CancelScope&) = delete;
  CancelScope& operator=(const CancelScope&) = delete;

  /// May what runs in this scope be left behind, so that a send below it must not use the frame?
  bool abandonable() const noexcept { return kind_ != kPlain; }
  /// Does what runs in this scope end at a deadline, so that a send below it can be left behind?
  void set_limited(bool limited) noexcept { kind_ = limited ? kLimited : kPlain; }
  bool requested() const noexcept { return requested_; }

  void add(CancelNode& node) noexcept {
    node.next = first_;
    node.previous_link = &first_;
    if (first_ != nullptr) first_->previous_link = &node.next;
    first_ = &node;
  }

  /// For what comes after the part that was asked to stop.
  void renew() noexcept { requested_ = false; }

  /// Asks everything that waits in this scope to stop. Each is asked once; later waits see
  /// requested().
  void request() noexcept {
    requested_ = true;
    while (CancelNode* node = first_) {
      node->unlink();
      node->cancel(*node);
    }
  }

 private:
  enum Kind : unsigned char { kPlain, kAbandonable, kLimited };

  CancelNode* first_ = nullptr;
  Kind kind_;
  bool requested_ = false;
};

}  // namespace coerce::detail
