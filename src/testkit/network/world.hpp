/// \file
/// The simulated network: nodes, the paths between them, and what is on its way.

#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <coerce/remote/transport.hpp>
#include <coerce/runtime/rng.hpp>
#include <coerce/testkit/network.hpp>

#include "testkit/network/stream.hpp"
#include "testkit/recorder.hpp"

namespace coerce::testkit::detail {

/// A node's way into the network, in one life of the node.
struct Port {
  Port(NodeId its_node, std::uint64_t seed) noexcept : node(its_node), secrets(seed) {}

  const NodeId node;
  Rng secrets;
  bool is_cut_off = false;  ///< it has crashed: nothing it says leaves any more
};

/// Somebody listens.
struct Listening {
  std::shared_ptr<Port> port;
  std::string address;
  bool is_closed = false;
  std::deque<std::unique_ptr<Connection>> backlog;
  Bell bell;
};

/// Somebody connects, until he is told or gives up.
struct Attempt {
  std::shared_ptr<Port> port;
  std::string address;
  TimePoint began{};
  Duration patience{};  ///< until it is asked again
  Bell bell;
  std::optional<TransportResult<std::unique_ptr<Connection>>> outcome;
};

/// Streams of bytes between nodes 1…n, each at 10.0.0.<id>, on one thread, in the time of a clock
/// that others set. A stream keeps its order and loses nothing while it lives; how long things
/// take, where the bytes are cut, and what happens first of what happens at one moment is drawn
/// from the seed.
class NetworkWorld : public std::enable_shared_from_this<NetworkWorld> {
 public:
  /// Throws std::invalid_argument that names the option.
  NetworkWorld(const NetworkOptions& options, std::size_t nodes, std::uint64_t seed,
               const Clock& clock);

  /// A life of a node begins; the one before must have been crashed.
  std::shared_ptr<Transport> attach(NodeId node);
  /// Cuts the node off, and breaks its streams: of what was on its way a drawn part arrives.
  void crash(NodeId node, CrashKind kind);

  // ---- what befalls paths, until heal()
  void partition(const std::vector<NodeId>& side, const std::vector<NodeId>& others,
                 PartitionKind kind);
  void stall(NodeId from, NodeId to);  ///< what goes this way is held
  void slow(NodeId from, NodeId to, std::uint64_t bytes_per_second);
  void heal();
  void set_name(std::string host, std::vector<NodeId> nodes) {
    names_[std::move(host)] = std::move(nodes);
  }
  /// Breaks the streams between two nodes; in each direction a drawn prefix of what is on its way
  /// arrives.
  void cut(NodeId a, NodeId b, Notice notice);

  /// Lets one thing happen that is due; false: none is.
  bool step();
  bool has_due() const noexcept { return !events_.empty() && events_.begin()->first <= now(); }
  std::optional<TimePoint> next_moment() const;

  TimePoint now() const noexcept { return clock_.now(); }
  Rng& rng() noexcept { return rng_; }
  const NetworkOptions& options() const noexcept { return options_; }
  Happenings& happened() noexcept { return happened_; }
  std::size_t nodes() const noexcept { return hosts_.size() - 1; }
  /// Unread bytes and those on their way, to all nodes.
  std::size_t buffered() const;
  void record(Trace* trace) noexcept { trace_ = trace; }

  // ---- for transports
  TransportResult<std::shared_ptr<Listening>> listen(const std::shared_ptr<Port>& port,
                                                     const std::string& address);
  void unlisten(Listening& listening);
  void connect(const std::shared_ptr<Attempt>& attempt);
  TransportResult<std::vector<std::string>> resolve(const std::string& address) const;

  // ---- for connections
  std::size_t room(const Stream& stream, std::size_t end) const noexcept;
  void send(const std::shared_ptr<Stream>& stream, std::size_t end, BytesView bytes);
  void give_credit(const std::shared_ptr<Stream>& stream, std::size_t end, std::size_t bytes);
  void close(const std::shared_ptr<Stream>& stream, std::size_t end);

 private:
  using Event = std::function<void()>;
  std::map<std::string, std::vector<NodeId>, std::less<>> names_;
  struct Path {
    bool is_parted = false;
    bool is_refusing = false;
    bool is_stalled = false;
    std::uint64_t bytes_per_second = 0;  ///< 0: any number
  };
  struct Host {
    std::shared_ptr<Port> port;
    bool is_up = true;
    std::uint16_t next_port = 30'100;
    std::uint64_t lives = 0;
  };

  Path& path(NodeId from, NodeId to);
  bool is_open(NodeId from, NodeId to);
  Duration delay();
  void at(TimePoint time, Event event) { events_.emplace(time, std::move(event)); }
  void after(Duration wait, Event event) { at(now() + wait, std::move(event)); }
  void note(const std::string& line) const;

  void launch(const std::shared_ptr<Stream>& stream, std::size_t pipe, Segment::Kind kind,
              BytesView bytes);
  void schedule_arrival(const std::shared_ptr<Stream>& stream, std::size_t pipe);
  void arrive(const std::shared_ptr<Stream>& stream, std::size_t pipe);
  void take_in(const std::shared_ptr<Stream>& stream, std::size_t pipe, Segment segment);
  void schedule_credit(const std::shared_ptr<Stream>& stream, std::size_t pipe);
  void hold(bool& is_held);
  void let_go();
  void break_end(Stream& stream, std::size_t end, bool forget_unread);
  void lose_tail(Stream& stream, std::size_t pipe, bool all_may_arrive);
  void crash_end(const std::shared_ptr<Stream>& stream, std::size_t end, CrashKind kind);
  void tell_of_death(const std::shared_ptr<Stream>& stream, Notice notice);
  std::vector<std::shared_ptr<Stream>> live_streams();

  void ask(const std::weak_ptr<Attempt>& attempt);
  void ask_again(const std::shared_ptr<Attempt>& attempt);
  void answer(const std::weak_ptr<Attempt>& attempt, TransportErrKind error, const char* text);
  void accept(const std::shared_ptr<Attempt>& attempt, Listening& listening);

  const NetworkOptions options_;
  const Clock& clock_;
  Rng rng_;
  std::vector<Host> hosts_;  ///< by id
  std::vector<Path> paths_;
  std::map<std::string, std::weak_ptr<Listening>> listeners_;
  std::vector<std::weak_ptr<Attempt>> attempts_;
  std::vector<std::weak_ptr<Stream>> streams_;
  std::size_t streams_made_ = 0;
  std::multimap<TimePoint, Event> events_;
  Happenings happened_;
  Trace* trace_ = nullptr;
};

/// Where a stream's end is, for its node.
std::unique_ptr<Connection> make_connection(std::shared_ptr<NetworkWorld> world,
                                            std::shared_ptr<Stream> stream, std::size_t end);

/// "10.0.0.<id>", with the port behind it.
std::string address_of(NodeId node, std::uint16_t port);
struct SimulatedAddress {
  NodeId node;
  std::uint16_t port;
};
/// Of "10.0.0.<id>:port" or "node-<id>:port"; "0.0.0.0" gives the node 0. None: something else.
std::optional<SimulatedAddress> parse_address(std::string_view address);

}  // namespace coerce::testkit::detail
