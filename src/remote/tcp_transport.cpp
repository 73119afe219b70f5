#include <coerce/remote/tcp.hpp>

#include <array>
#include <cerrno>
#include <filesystem>

#include <openssl/evp.h>
#include <sys/random.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <coerce/actor/asio.hpp>
#include <coerce/runtime/blocking.hpp>
#include <coerce/runtime/boot_clock.hpp>

#include "actor/log.hpp"
#include "actor/system_core.hpp"
#include "remote/tcp_socket.hpp"
#include "remote/tls_connection.hpp"

namespace coerce {

namespace {

using Endpoints = TransportResult<std::vector<detail::TcpEndpoint>>;

auto bad_address(std::string why) {
  return coerce::unexpected(TransportErr(TransportErrKind::BadAddress, std::move(why)));
}

Task<Endpoints> find(std::string address) {
  auto split = detail::parse_address(address);
  if (!split) co_return coerce::unexpected(std::move(split).error());
  if (const auto numeric = detail::numeric_endpoint(*split))
    co_return std::vector<detail::TcpEndpoint>(1, *numeric);
  auto look = [name = std::move(*split)] { return detail::look_up(name); };
  co_return co_await blocking(look);
}

/// Others learn whether they are here too, and nothing else of it. Empty: it cannot be read.
std::string digest_of_host() {
  const std::string boot = SystemBootClock().now().boot_id;
  std::error_code error;
  const auto network = std::filesystem::read_symlink("/proc/self/ns/net", error);
  if (boot.empty() || error) return {};
  const std::string text = "coerce host " + boot + " " + network.string();
  std::array<std::uint8_t, 32> digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return fmt::format("{:02x}", fmt::join(digest.begin(), digest.begin() + 16, ""));
}

/// Gives connections that are to be secured.
class TlsListener final : public Listener {
 public:
  explicit TlsListener(std::unique_ptr<Listener> below) noexcept : below_(std::move(below)) {}

  Task<TransportResult<std::unique_ptr<Connection>>> accept() override {
    auto accepted = co_await below_->accept();
    if (!accepted) co_return accepted;
    co_return std::make_unique<detail::TlsConnection>(std::move(*accepted));
  }
  std::string local_address() const override { return below_->local_address(); }
  void close() noexcept override { below_->close(); }

 private:
  std::unique_ptr<Listener> below_;
};

}  // namespace

struct TcpTransport::Parts {
  SchedulerExecutor<> executor;
  std::shared_ptr<detail::TlsContexts> tls;
};

TcpTransport::TcpTransport(const ActorSystem& system)
    : parts_(std::make_unique<Parts>(Parts{executor_of(system), nullptr})) {}

TcpTransport::TcpTransport(const ActorSystem& system, TlsOptions tls) : TcpTransport(system) {
  const auto warn = [core = &system.core()](std::string_view why) {
    detail::log(*core, LogLevel::Warn, core->name().view(), "the old certificates stay in use: {}",
                why);
  };
  parts_->tls = std::make_shared<detail::TlsContexts>(std::move(tls), warn);
}

TcpTransport::~TcpTransport() = default;

Task<TransportResult<std::unique_ptr<Listener>>> TcpTransport::listen(std::string address) {
  auto endpoints = co_await find(std::move(address));
  if (!endpoints) co_return coerce::unexpected(std::move(endpoints).error());
  auto listener = detail::TcpListener::open(parts_->executor, endpoints->front());
  if (listener && parts_->tls) co_return std::make_unique<TlsListener>(std::move(*listener));
  co_return listener;
}

Task<TransportResult<std::unique_ptr<Connection>>> TcpTransport::connect(std::string address) {
  auto endpoints = co_await find(address);
  if (!endpoints) co_return coerce::unexpected(std::move(endpoints).error());
  if (endpoints->front().port() == 0) co_return bad_address(fmt::format("{}: port 0", address));
  std::optional<TransportErr> failure;
  for (const auto& endpoint : *endpoints) {
    auto connected = co_await detail::connect_tcp(parts_->executor, endpoint);
    if (connected && parts_->tls)
      co_return std::make_unique<detail::TlsConnection>(std::move(*connected));
    if (connected) co_return connected;
    failure = std::move(connected).error();
    if (failure->kind() == TransportErrKind::Closed) break;
  }
  co_return coerce::unexpected(std::move(*failure));
}

Task<TransportResult<void>> TcpTransport::secure(Connection& connection, std::string dialled) {
  if (!parts_->tls) co_return TransportResult<void>();
  auto* stream = dynamic_cast<detail::TlsConnection*>(&connection);
  if (stream == nullptr) {
    const std::string why = "that is no connection of this transport";
    co_return coerce::unexpected(TransportErr(TransportErrKind::Insecure, why));
  }
  std::string host;
  if (!dialled.empty()) {
    auto split = detail::parse_address(dialled);
    if (!split) co_return coerce::unexpected(std::move(split).error());
    const std::string& configured = parts_->tls->options().server_name();
    host = configured.empty() ? split->host : configured;
  }
  auto context = parts_->tls->current();
  if (!context) {
    auto reload = [contexts = parts_->tls] { return contexts->reload(); };
    context = co_await blocking(reload);
  }
  co_return co_await stream->handshake(std::move(context), std::move(host));
}

Task<TransportResult<std::vector<std::string>>> TcpTransport::resolve(std::string address) {
  auto endpoints = co_await find(std::move(address));
  if (!endpoints) co_return coerce::unexpected(std::move(endpoints).error());
  std::vector<std::string> texts;
  for (const auto& endpoint : *endpoints) texts.push_back(detail::to_text(endpoint));
  co_return texts;
}

void TcpTransport::random_bytes(std::span<std::uint8_t> into) {
  while (!into.empty()) {
    // Waits for the kernel's generator to be seeded, which it is; fails only if interrupted.
    const ssize_t got = ::getrandom(into.data(), into.size(), 0);
    if (got > 0) into = into.subspan(static_cast<std::size_t>(got));
  }
}

std::string TcpTransport::host_identity() const {
  static const std::string identity = digest_of_host();
  return identity;
}

bool TcpTransport::is_confidential() const noexcept { return parts_->tls != nullptr; }

}  // namespace coerce
