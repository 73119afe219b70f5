/// \file
/// Streams over TCP, with TLS or without.

#pragma once

#include <memory>

#include <coerce/actor/system.hpp>
#include <coerce/remote/tls.hpp>
#include <coerce/remote/transport.hpp>

namespace coerce {

/// Sockets on the workers of a system, which it and everything that it makes must not outlive; it
/// does not keep the system alive. Thread-safe.
///
/// Reads and writes are tried at once and wait for the operating system only if they have to. They
/// end with Closed when their task is asked to stop, too. An accept() that finds no descriptor or
/// memory ends with Exhausted after a pause, so a loop around it does not spin. Names are looked up
/// on the blocking pool, for as long as the operating system takes.
class TcpTransport final : public Transport {
 public:
  /// Without TLS: everybody on the way can read and change what is said.
  explicit TcpTransport(const ActorSystem& system);
  /// With TLS. Throws what TlsOptions::check() throws.
  TcpTransport(const ActorSystem& system, TlsOptions tls);
  ~TcpTransport() override;

  Task<TransportResult<std::unique_ptr<Listener>>> listen(std::string address) override;
  Task<TransportResult<std::unique_ptr<Connection>>> connect(std::string address) override;
  /// For connections of a TcpTransport.
  Task<TransportResult<void>> secure(Connection& connection, std::string dialled) override;
  Task<TransportResult<std::vector<std::string>>> resolve(std::string address) override;
  void random_bytes(std::span<std::uint8_t> into) override;
  bool is_confidential() const noexcept override;
  /// A digest of the kernel's boot id and of the network namespace.
  std::string host_identity() const override;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace coerce
