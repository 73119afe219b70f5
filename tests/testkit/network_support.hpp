/// \file
/// Tasks on both ends of a stream, and what they have seen, for tests of the simulated network.

#pragma once

#include <coerce/remote/transport.hpp>
#include <coerce/testkit/simulation.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace coerce::test {

/// What one end of a stream has seen.
struct Seen {
  std::unique_ptr<Connection> connection;
  Bytes bytes;
  std::size_t reads = 0;
  bool ended = false;                     ///< the other side had said all
  std::optional<TransportErrKind> error;  ///< of a read or a write
  std::optional<Duration> over_at;        ///< when it ended or failed
  bool all_written = false;
};
using SeenPtr = std::shared_ptr<Seen>;

/// Bytes that show which is which.
inline Bytes numbered(std::size_t count) {
  Bytes bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  return bytes;
}

inline bool is_prefix_of(const Bytes& part, const Bytes& whole) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

/// Reads until the end.
inline Task<void> read_all(SeenPtr seen, testkit::Simulation* sim, std::size_t at_a_time = 4096) {
  Bytes buffer(at_a_time);
  for (;;) {
    auto size = co_await seen->connection->read_some(buffer);
    if (!size) {
      seen->error = size.error().kind();
      break;
    }
    if (*size == 0) {
      seen->ended = true;
      break;
    }
    ++seen->reads;
    seen->bytes.insert(seen->bytes.end(), buffer.begin(),
                       buffer.begin() + static_cast<std::ptrdiff_t>(*size));
  }
  seen->over_at = sim->now();
}

inline Task<void> write_all(SeenPtr seen, Bytes bytes) {
  auto written = co_await seen->connection->write(bytes);
  if (written)
    seen->all_written = true;
  else
    seen->error = written.error().kind();
}

/// The next that a listener accepts; null: it was closed.
inline Task<SeenPtr> accept_one(std::shared_ptr<Listener> listener) {
  auto connection = co_await listener->accept();
  if (!connection) co_return nullptr;
  auto seen = std::make_shared<Seen>();
  seen->connection = std::move(*connection);
  co_return seen;
}

inline Task<void> accept_into(std::shared_ptr<Listener> listener, SeenPtr* into) {
  *into = co_await accept_one(std::move(listener));
}

/// Two ends of one stream between two nodes.
struct Ends {
  std::shared_ptr<Listener> listener;
  SeenPtr dialler;
  SeenPtr acceptor;
};

inline std::shared_ptr<Listener> listen_at(testkit::SimulatedNode& node, std::string port = "0") {
  auto listener = node.run(node.transport()->listen(node.host() + ":" + port));
  if (!listener) node.fail(listener.error().to_string());
  return std::move(*listener);
}

inline Ends make_stream(testkit::Simulation& sim, NodeId from, NodeId to) {
  Ends ends;
  ends.listener = listen_at(sim.node(to));
  auto dialled =
      sim.node(from).run(sim.node(from).transport()->connect(ends.listener->local_address()));
  if (!dialled) sim.fail(dialled.error().to_string());
  ends.dialler = std::make_shared<Seen>();
  ends.dialler->connection = std::move(*dialled);
  ends.acceptor = sim.node(to).run(accept_one(ends.listener));
  return ends;
}

inline TransportErrKind connect_error(testkit::Simulation& sim, NodeId from, std::string address) {
  auto dialled = sim.node(from).run(sim.node(from).transport()->connect(std::move(address)));
  sim.check(!dialled.has_value(), "nobody connects");
  return dialled.error().kind();
}

}  // namespace coerce::test
