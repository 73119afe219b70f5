/// \file
/// TLS over any stream.

#pragma once

#include <atomic>
#include <mutex>

#include <coerce/remote/transport.hpp>

#include "remote/tls_context.hpp"

namespace coerce::detail {

/// OpenSSL sees only memory: what it wants to send goes through write() of the stream below, and it
/// is given what read_some() there has brought. So one lock, never held while anything waits, keeps
/// a read and a write on different workers apart. Nothing is carried before handshake() is done.
class TlsConnection final : public Connection {
 public:
  explicit TlsConnection(std::unique_ptr<Connection> below) noexcept : below_(std::move(below)) {}

  /// Once. `host`: whom this side dials; empty: it is the listening side.
  Task<TransportResult<void>> handshake(TlsContext context, std::string host);

  Task<TransportResult<std::size_t>> read_some(std::span<std::uint8_t> into) override;
  Task<TransportResult<void>> write(BytesView bytes) override;
  std::uint64_t written() const noexcept override { return below_->written(); }
  void close() noexcept override { below_->close(); }
  std::string peer_address() const override { return below_->peer_address(); }
  std::optional<Bytes> channel_binding() const override { return binding_; }
  std::vector<std::string> peer_names() const override { return names_; }
  bool is_local() const noexcept override { return below_->is_local(); }

 private:
  enum class Step : std::uint8_t { Done, NeedsInput, Ended };
  using Stepped = TransportResult<Step>;

  bool begin(TlsContext context, std::string host);
  Stepped shake();
  TransportResult<void> finish();
  Stepped open(std::span<std::uint8_t> into, std::size_t& count);
  TransportResult<void> seal(BytesView bytes);
  void feed(BytesView bytes);
  void take_output();
  Stepped step_failed(int returned);
  TransportErr insecure(std::string why) const;

  struct Free {
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
  };

  std::unique_ptr<Connection> below_;
  std::mutex mutex_;  ///< for ssl_ and what it owns
  TlsExpectation expected_;
  std::unique_ptr<SSL, Free> ssl_;
  BIO* input_ = nullptr;   ///< belongs to ssl_
  BIO* output_ = nullptr;  ///< belongs to ssl_
  Bytes received_;         ///< of the task that reads
  Bytes sealed_;           ///< of the task that writes
  std::atomic<bool> secured_{false};
  std::optional<Bytes> binding_;
  std::vector<std::string> names_;
};

}  // namespace coerce::detail
