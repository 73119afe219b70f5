/// \file
/// What waits to be written to a peer.

#pragma once

#include <optional>
#include <vector>

#include <coerce/runtime/detail/spin_lock.hpp>
#include <coerce/runtime/task.hpp>

#include "remote/lane.hpp"
#include "remote/names.hpp"
#include "remote/options.hpp"

namespace coerce::detail {

/// Did a frame find its place in the queue?
enum class Queued : std::uint8_t {
  Taken,
  NoLink,    ///< none, another one than was meant, or it takes no more
  Full,      ///< as many bytes wait as may
  TooLarge,  ///< for the peer
};

/// Frames that were never begun to be written. The first of them may be further chunks of a message
/// that was begun.
struct Unsent {
  Lane frames;
  std::optional<OutNames> names;
};

/// A message of a user, as bytes.
struct OutgoingMessage {
  ForeignCell& target;
  const RemoteHandler& handler;
  std::uint64_t request = 0;  ///< 0: nobody waits
  BytesView extensions{};
  BytesView payload{};
};

/// The queue of frames to one peer: the user lane, and the control lane that passes it between
/// slices of 64 KiB. One for all links of the peer; open while one of them is up. Senders append to
/// it under a short lock, under which nothing long is copied; the link's writer takes slice by
/// slice. Thread-safe.
class Outbox {
 public:
  explicit Outbox(const PeerOptions& options) noexcept
      : options_(options), names_(options.max_names) {}

  /// A link is up. Its number, which is not 0.
  std::uint32_t open(std::size_t max_frame, std::size_t handlers);
  /// It is not any more, from now on nothing is taken. What has not been begun comes back.
  Unsent close() noexcept;
  std::uint32_t link() const noexcept { return link_.load(std::memory_order_acquire); }
  bool is_open() const noexcept { return state_.load(std::memory_order_acquire) == State::Open; }

  // ---- any thread; `link` is the number of the link that is meant
  Queued push_message(std::uint32_t link, const OutgoingMessage& message);
  /// Of the library's own, in the lane of messages and within their water marks.
  Queued push_in_order(std::uint32_t link, FrameHeader header, BytesView payload);
  Queued push_reply(std::uint32_t link, FrameKind kind, std::uint64_t request, BytesView payload);
  /// An error found no room, so that an asker is not answered: the link has to end.
  bool is_overrun() const noexcept { return overrun_.load(std::memory_order_acquire); }
  /// Vital: pings, pongs and the like, without which the link cannot live or end well, and what
  /// nodes tell each other of the cluster. They may use the reserve twice, and go after the link is
  /// sealed too.
  enum class Importance : std::uint8_t { Plain, Vital };
  Queued push_control(std::uint32_t link, FrameHeader header, BytesView payload,
                      Importance importance = Importance::Plain);
  /// No further messages of users are taken; answers are, until sealed.
  void drain(std::uint32_t link) noexcept;
  /// The writer is to look again at what it has to do.
  void poke(std::uint32_t link) noexcept;

  // ---- the link's writer
  /// What is to be written next; what was taken before has been written. Empty: nothing.
  BytesView take(std::uint32_t link, Slice& writing) noexcept;
  /// If nothing waits any more: takes nothing from now on, and adds a last frame.
  bool seal(std::uint32_t link, FrameHeader header, BytesView payload);
  /// No message is taken any more, and all that were taken have been written.
  bool has_drained() const noexcept;
  bool is_draining() const noexcept {
    return state_.load(std::memory_order_acquire) == State::Draining;
  }

  /// Waits until there is something to do for the writer of a link; gives false if the link is not
  /// up any more, or the task is cancelled.
  class Work : WakeNode, CancelNode {
   public:
    Work(Outbox& outbox, std::uint32_t link) noexcept
        : CancelNode(&cancelled), outbox_(&outbox), link_(link) {}

    bool await_ready() const noexcept { return false; }
    template <UnitPromise P>
    bool await_suspend(std::coroutine_handle<P> caller) noexcept {
      unit = caller.promise().unit;
      handle = caller;
      return outbox_->wait(*this, *caller.promise().scope);
    }
    bool await_resume() noexcept {
      CancelNode::unlink();
      return there_is_ && outbox_->link() == link_;
    }

   private:
    friend class Outbox;
    static void cancelled(CancelNode& node) noexcept;

    Outbox* outbox_;
    std::uint32_t link_;
    bool there_is_ = true;
  };
  Work work(std::uint32_t link) noexcept { return Work(*this, link); }

  struct Counts {
    std::uint64_t messages = 0;
    std::uint64_t messages_of_link = 0;
    std::size_t queue_bytes = 0;
  };
  Counts counts() const noexcept;

 private:
  enum class State : std::uint8_t {
    Closed,
    Open,
    Draining,  ///< answers only
    Sealed,    ///< nothing
  };
  class Holding;

  bool is_up(std::uint32_t link) const noexcept;
  bool wait(Work& waiter, CancelScope& scope) noexcept;
  bool remove(Work& waiter) noexcept;
  Queued may_push_message(std::uint32_t link) noexcept;
  void note_names(const OutgoingMessage& message, FrameHeader& header);
  void count_message() noexcept {
    ++messages_;
    ++messages_of_link_;
  }
  Queued push_unusual(std::uint32_t link, const FrameHeader& header,
                      const OutgoingMessage& message);
  void append(Lane& lane, const FrameHeader& header, Parts parts, PreparedMessage* prepared);
  /// Bytes of the user lane that have not been written.
  std::size_t queued() const noexcept { return user_.size() + in_flight_; }
  static constexpr std::uint32_t kNoNumber = ~std::uint32_t{0};
  std::uint32_t number_of(ForeignCell& target);
  std::uint32_t give_number(ForeignCell& target);

  const PeerOptions options_;
  mutable SpinLock lock_;
  std::atomic<State> state_{State::Closed};  ///< written under the lock
  std::atomic<std::uint32_t> link_{0};       ///< the same
  std::atomic<bool> overrun_{false};         ///< the same
  bool poked_ = false;
  bool congested_ = false;                 ///< between the high and the low water mark
  std::atomic<std::size_t> max_frame_{0};  ///< written under the lock
  Lane user_;
  Lane control_;
  std::size_t in_flight_ = 0;  ///< bytes of the slice that is being written
  std::size_t control_in_flight_ = 0;
  OutNames names_;
  Work* waiting_ = nullptr;
  std::uint64_t messages_ = 0;
  std::uint64_t messages_of_link_ = 0;
};

}  // namespace coerce::detail
