/// \file
/// Sockets as connections and listeners.

#pragma once

#include <atomic>

#include <asio/basic_socket_acceptor.hpp>
#include <asio/basic_stream_socket.hpp>

#include <coerce/runtime/asio.hpp>

#include "remote/tcp_address.hpp"

namespace coerce::detail {

using TcpSocket = asio::basic_stream_socket<asio::ip::tcp, SchedulerExecutor<>>;
using TcpAcceptor = asio::basic_socket_acceptor<asio::ip::tcp, SchedulerExecutor<>>;

/// What an error of the operating system means here.
TransportErr tcp_error(std::error_code error, std::string_view doing);

/// The descriptor is closed by the destructor only; close() shuts the stream down, which any thread
/// may do beside a read and a write and which ends both.
class TcpConnection final : public Connection {
 public:
  /// \pre the socket is connected
  static TransportResult<std::unique_ptr<Connection>> make(TcpSocket socket);

  Task<TransportResult<std::size_t>> read_some(std::span<std::uint8_t> into) override;
  Task<TransportResult<void>> write(BytesView bytes) override;
  std::uint64_t written() const noexcept override {
    return written_.load(std::memory_order_relaxed);
  }
  void close() noexcept override;
  std::string peer_address() const override { return peer_; }
  std::optional<Bytes> channel_binding() const override { return std::nullopt; }
  std::vector<std::string> peer_names() const override { return {}; }
  bool is_local() const noexcept override { return local_; }

 private:
  TcpConnection(TcpSocket socket, std::string peer, bool local) noexcept;
  /// None: nothing is there yet.
  std::optional<TransportResult<std::size_t>> try_read(std::span<std::uint8_t> into);
  /// 0: there is no room just now.
  TransportResult<std::size_t> try_write(BytesView bytes);
  TransportErr failure(std::error_code error, std::string_view doing) const;

  TcpSocket socket_;
  const int descriptor_;
  const std::string peer_;
  const bool local_;
  std::atomic<bool> closed_{false};
  std::atomic<std::uint64_t> written_{0};
  bool drained_ = false;  ///< the latest read has left nothing there
  unsigned quick_reads_ = 0;
  unsigned quick_writes_ = 0;
};

class TcpListener final : public Listener {
 public:
  static TransportResult<std::unique_ptr<Listener>> open(SchedulerExecutor<> executor,
                                                         const TcpEndpoint& endpoint);

  Task<TransportResult<std::unique_ptr<Connection>>> accept() override;
  std::string local_address() const override { return address_; }
  void close() noexcept override;

 private:
  TcpListener(TcpAcceptor acceptor, const TcpEndpoint& bound);
  TransportResult<std::unique_ptr<Connection>> adopt(int descriptor);

  TcpAcceptor acceptor_;
  const int descriptor_;
  const asio::ip::tcp protocol_;
  const std::string address_;
  std::atomic<bool> closed_{false};
  unsigned quick_accepts_ = 0;
};

Task<TransportResult<std::unique_ptr<Connection>>> connect_tcp(SchedulerExecutor<> executor,
                                                               TcpEndpoint endpoint);

}  // namespace coerce::detail
