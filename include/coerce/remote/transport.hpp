/// \file
/// Byte streams between nodes, as the library needs them.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <coerce/actor/error.hpp>
#include <coerce/codec/bytes.hpp>
#include <coerce/runtime/task.hpp>

namespace coerce {

enum class TransportErrKind : std::uint8_t {
  Closed,        ///< by this side: close() was called, or the task was asked to stop
  Lost,          ///< the stream broke
  Refused,       ///< nobody listens there
  Unreachable,   ///< no way there
  Timeout,       ///< not in time
  BadAddress,    ///< no "host:port", or a name that cannot be resolved
  AddressInUse,  ///< somebody else listens there
  Insecure,      ///< TLS: the certificate, the name in it, or the protocol
  Exhausted,     ///< no more descriptors or memory just now
};
std::string_view to_string(TransportErrKind kind) noexcept;

class TransportErr {
 public:
  TransportErr(TransportErrKind kind, std::string detail) noexcept
      : kind_(kind), detail_(std::move(detail)) {}
  TransportErrKind kind() const noexcept { return kind_; }
  const std::string& detail() const noexcept { return detail_; }
  std::string to_string() const;

 private:
  TransportErrKind kind_;
  std::string detail_;
};

template <class T>
using TransportResult = Result<T, TransportErr>;

/// One stream of bytes in each direction. At most one read and one write at a time, which may run
/// beside each other; close() may be called from any thread at any time.
class Connection {
 public:
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection() = default;

  /// Reads at least one byte, at most `into.size()`; 0: the other side has ended its stream.
  /// `into` must live until it is done.
  virtual Task<TransportResult<std::size_t>> read_some(std::span<std::uint8_t> into) = 0;
  /// Writes all of `bytes`, which must live until it is done. After an error an unknown part of
  /// them was written.
  virtual Task<TransportResult<void>> write(BytesView bytes) = 0;
  /// Bytes of all writes that the system below has taken: to see whether a write makes progress.
  virtual std::uint64_t written() const noexcept = 0;
  /// Ends both directions; what waits ends with Closed.
  virtual void close() noexcept = 0;

  /// For people and logs.
  virtual std::string peer_address() const = 0;
  /// What only the two ends of this very stream know (RFC 9266, tls-exporter); none without TLS.
  virtual std::optional<Bytes> channel_binding() const = 0;
  /// The names in the certificate that the other side has proven to own; empty without mutual TLS.
  virtual std::vector<std::string> peer_names() const = 0;
  /// Both ends are on this machine (loopback): nobody else can listen.
  virtual bool is_local() const noexcept = 0;
};

class Listener {
 public:
  Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  virtual ~Listener() = default;

  /// The next stream, not yet secured: see Transport::secure.
  virtual Task<TransportResult<std::unique_ptr<Connection>>> accept() = 0;
  /// "ip:port" with the port that was chosen.
  virtual std::string local_address() const = 0;
  /// What waits in accept() ends with Closed.
  virtual void close() noexcept = 0;
};

/// Where streams come from. Thread-safe. Addresses are "host:port" or "[ipv6]:port".
class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  virtual Task<TransportResult<std::unique_ptr<Listener>>> listen(std::string address) = 0;
  /// A stream to `address`, not yet secured. It ends by itself when the connection attempt does.
  virtual Task<TransportResult<std::unique_ptr<Connection>>> connect(std::string address) = 0;
  /// Does the transport's own handshake (TLS), if it has one. `dialled`: the address that was
  /// connected to; empty on the listening side. The caller bounds it in time.
  virtual Task<TransportResult<void>> secure(Connection& connection, std::string dialled) = 0;
  /// The addresses behind a name, "host:port" each; an address of numbers gives itself.
  virtual Task<TransportResult<std::vector<std::string>>> resolve(std::string address) = 0;
  /// Numbers that nobody can guess (from the operating system; in a simulation from its seed).
  virtual void random_bytes(std::span<std::uint8_t> into) = 0;
  /// Does it keep what it carries from others, beyond loopback too?
  virtual bool is_confidential() const noexcept = 0;
  /// Names what all processes have in common for which a refused connection says that nobody
  /// listens: the machine, the start of it, and its network; at most 64 printable bytes. Other
  /// nodes are told. Empty: not known.
  virtual std::string host_identity() const { return {}; }
};

}  // namespace coerce
