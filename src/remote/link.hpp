/// \file
/// One link to a peer: its connection, its writer, and how it ends.

#pragma once

#include <atomic>
#include <memory>
#include <string>

#include <coerce/remote/counters.hpp>
#include <coerce/remote/transport.hpp>
#include <coerce/runtime/detail/async_event.hpp>

#include "remote/control_frames.hpp"
#include "remote/handshake.hpp"
#include "remote/link_proof.hpp"
#include "remote/outbox.hpp"

namespace coerce::detail {

/// Written by one, read by anybody.
class Receipts {
 public:
  void set(const Receipt& receipt) noexcept {
    delivered_.store(receipt.delivered, std::memory_order_relaxed);
    refused_.store(receipt.refused, std::memory_order_relaxed);
  }
  Receipt get() const noexcept {
    return {delivered_.load(std::memory_order_relaxed), refused_.load(std::memory_order_relaxed)};
  }

 private:
  std::atomic<std::uint64_t> delivered_{0};
  std::atomic<std::uint64_t> refused_{0};
};

/// What the parts of a link share. The reader and the heartbeat run in the task that carries it,
/// the writer in one of its own.
///
/// The orderly end: a side takes no more messages, writes what waits, pings, and when the pong has
/// confirmed everything says goodbye, its last word but for pongs. The other side does the same
/// when it is told. When both have, they close.
class Link {
 public:
  Link(std::unique_ptr<Connection> stream, LinkTerms agreed, std::shared_ptr<Outbox> queue,
       Clock& its_clock) noexcept
      : connection(std::move(stream)),
        terms(std::move(agreed)),
        outbox(std::move(queue)),
        clock(its_clock) {}

  /// Ends the link from any thread; the first reason counts.
  enum class Fault : std::uint8_t { None, Hostile };
  void end(std::string_view why, Fault fault = Fault::None) noexcept;
  bool ended() const noexcept { return ended_.load(std::memory_order_acquire); }
  std::string why() const;
  bool hostile() const noexcept { return hostile_.load(std::memory_order_acquire); }

  /// It is up: the queue is open under this number.
  void begin(std::uint32_t its_number, TimePoint now) noexcept;
  static Task<void> write_all(std::shared_ptr<Link> self);
  /// Since our side of the link began.
  Duration age(TimePoint now) const noexcept { return now - began; }

  void send_ping();
  void answer_ping(const Ping& ping, TimePoint now);
  void take_pong(const Pong& pong) noexcept;
  void take_goodbye() noexcept;
  /// False: more than was sent, or less than before.
  bool confirm(const Receipt& now) noexcept;
  Receipt confirmed() const noexcept { return confirmed_.get(); }
  void drain() noexcept { outbox->drain(number); }
  bool said_goodbye() const noexcept { return goodbye_written_.load(); }
  bool heard_goodbye() const noexcept { return goodbye_heard_.load(); }
  void add_counts(NetworkCounters& sum) const noexcept;
  /// When the write that is under way began; max: none is.
  TimePoint writing_since() const noexcept {
    return writing_since_.load(std::memory_order_relaxed);
  }

  const std::unique_ptr<Connection> connection;
  const LinkTerms terms;
  const std::shared_ptr<Outbox> outbox;
  Clock& clock;
  std::atomic<std::uint32_t> number{0};  ///< of its queue; 0: it is not up yet
  TimePoint began{};
  Slice writing;                   ///< what was taken last
  std::optional<LinkProof> proof;  ///< once it is up; for the task that carries it
  std::atomic<std::uint64_t> bytes_written{0}, bytes_read{0};
  std::atomic<std::uint64_t> frames_written{0}, frames_read{0};
  Receipts received;        ///< what this side has got; to be told to the peer
  bool is_carried = false;  ///< its counts are not part of the past; under the lock of the peer
  AsyncEvent finished;      ///< nothing of it is read any more, its requests have ended
  AsyncEvent writer_done;

 private:
  Task<bool> write_what_waits();
  void go_on_draining();

  mutable SpinLock lock_;
  std::string why_;
  std::atomic<bool> ended_{false};
  std::atomic<bool> hostile_{false};
  std::atomic<TimePoint> writing_since_{TimePoint::max()};
  std::atomic<bool> goodbye_written_{false};
  std::atomic<bool> goodbye_heard_{false};
  std::atomic<std::uint64_t> pings_{0};
  std::atomic<std::uint64_t> last_ping_{0};  ///< the one that ends the draining; 0: not sent yet
  std::atomic<bool> all_confirmed_{false};
  bool sealed_ = false;  // writer only
  Receipts confirmed_;
};

}  // namespace coerce::detail
