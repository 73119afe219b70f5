/// \file
/// What a simulated stream is made of.

#pragma once

#include <array>
#include <deque>
#include <memory>

#include <coerce/actor/node_id.hpp>
#include <coerce/codec/bytes.hpp>
#include <coerce/runtime/clock.hpp>
#include <coerce/runtime/detail/async_event.hpp>

namespace coerce::testkit::detail {

/// Wakes the one task that waits for something to change.
class Bell {
 public:
  /// False: cancelled.
  Task<bool> wait();
  void ring();

 private:
  std::shared_ptr<coerce::detail::AsyncEvent> event_;
};

/// Bytes that have come and are read from the front.
class Inbox {
 public:
  std::size_t size() const noexcept { return bytes_.size() - read_; }
  void add(BytesView more);
  /// \pre at most size()
  void take(std::span<std::uint8_t> into);
  void drop() noexcept;

 private:
  Bytes bytes_;
  std::size_t read_ = 0;
};

/// What is on its way in one direction.
struct Segment {
  enum class Kind : std::uint8_t { Data, Fin, Reset };

  Kind kind;
  TimePoint arrives;  ///< not earlier
  Bytes bytes;
};

/// One direction of a stream.
struct Pipe {
  std::deque<Segment> flight;
  Inbox inbox;                ///< of the receiver
  std::size_t used = 0;       ///< bytes of the window
  std::size_t credit = 0;     ///< of those, read; the sender does not know yet
  TimePoint last_arrival{};   ///< of all that was sent
  bool is_scheduled = false;  ///< the arrival of the first segment
  bool is_held = false;       ///< the first segment waits for the path to open
  bool is_credit_scheduled = false;
  bool is_credit_held = false;
  bool is_dead = false;  ///< nothing that is sent from now on arrives

  std::size_t bytes_in_flight() const noexcept;
};

/// One end of a stream, as its node sees it.
struct End {
  NodeId node = 0;
  std::string address;
  std::uint64_t written = 0;
  bool is_closed = false;   ///< by the node
  bool is_gone = false;     ///< the node has crashed
  bool is_broken = false;   ///< it was told that the stream is
  bool peer_ended = false;  ///< all that came has been said
  Bell reader;
  Bell writer;

  void ring() {
    reader.ring();
    writer.ring();
  }
};

/// Ends 0 (which connected) and 1; pipe i leads from end i to the other.
struct Stream {
  std::size_t number = 0;
  std::array<End, 2> ends;
  std::array<Pipe, 2> pipes;
};

}  // namespace coerce::testkit::detail
