#include "remote/tls_connection.hpp"

#include <algorithm>

#include <openssl/err.h>

#include <fmt/format.h>

namespace coerce::detail {

namespace {

/// Four records of TLS.
constexpr std::size_t kSealedAtOnce = 64 * 1024;
constexpr std::size_t kReadAtOnce = 4 * (16 * 1024 + 256);
/// Answers to a peer's key updates wait for the next write. One that asks for more is up to no
/// good.
constexpr std::size_t kMostOutputOfReads = 64 * 1024;
constexpr std::string_view kBindingLabel = "EXPORTER-Channel-Binding";  // RFC 9266
constexpr std::size_t kBindingSize = 32;

}  // namespace

TransportErr TlsConnection::insecure(std::string why) const {
  return {TransportErrKind::Insecure, fmt::format("TLS with {}: {}", peer_address(), why)};
}

bool TlsConnection::begin(TlsContext context, std::string host) {
  const std::lock_guard lock(mutex_);
  if (ssl_) return false;
  ssl_.reset(SSL_new(context.get()));
  if (!ssl_) return false;
  input_ = BIO_new(BIO_s_mem());
  output_ = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl_.get(), input_, output_);
  if (input_ == nullptr || output_ == nullptr) return false;
  BIO_set_mem_eof_return(input_, -1);
  expected_.dials = !host.empty();
  expected_.host = std::move(host);
  SSL_set_app_data(ssl_.get(), &expected_);
  if (expected_.dials) {
    SSL_set_connect_state(ssl_.get());
    // An address is no name that a server may be asked for (RFC 6066).
    if (expected_.host.find_first_not_of("0123456789.") != std::string::npos &&
        expected_.host.find(':') == std::string::npos)
      SSL_set_tlsext_host_name(ssl_.get(), expected_.host.c_str());
  } else {
    SSL_set_accept_state(ssl_.get());
  }
  received_.resize(kReadAtOnce);
  return true;
}

void TlsConnection::take_output() {
  const std::size_t pending = BIO_ctrl_pending(output_);
  sealed_.resize(pending);
  if (pending > 0) BIO_read(output_, sealed_.data(), static_cast<int>(pending));
}

void TlsConnection::feed(BytesView bytes) {
  const std::lock_guard lock(mutex_);
  BIO_write(input_, bytes.data(), static_cast<int>(bytes.size()));
}

TlsConnection::Stepped TlsConnection::step_failed(int returned) {
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
      return Step::NeedsInput;
    case SSL_ERROR_ZERO_RETURN:
      return Step::Ended;
    default:
      break;
  }
  if (!expected_.failure.empty()) return coerce::unexpected(insecure(expected_.failure));
  std::string why = take_openssl_error();
  if (const long verified = SSL_get_verify_result(ssl_.get()); verified != X509_V_OK)
    why += fmt::format(" ({})", X509_verify_cert_error_string(verified));
  return coerce::unexpected(insecure(std::move(why)));
}

TlsConnection::Stepped TlsConnection::shake() {
  const std::lock_guard lock(mutex_);
  ERR_clear_error();
  const int returned = SSL_do_handshake(ssl_.get());
  auto step = returned == 1 ? Stepped(Step::Done) : step_failed(returned);
  take_output();
  return step;
}

TransportResult<void> TlsConnection::finish() {
  const std::lock_guard lock(mutex_);
  ERR_clear_error();
  // Without it, two connections of TLS 1.2 could be made to have one binding (RFC 7627).
  if (SSL_version(ssl_.get()) < TLS1_3_VERSION && SSL_get_extms_support(ssl_.get()) != 1)
    return coerce::unexpected(insecure("no extended master secret"));
  Bytes binding(kBindingSize);
  if (SSL_export_keying_material(ssl_.get(), binding.data(), binding.size(), kBindingLabel.data(),
                                 kBindingLabel.size(), nullptr, 0, 1) != 1)
    return coerce::unexpected(insecure(take_openssl_error()));
  binding_ = std::move(binding);
  if (X509* certificate = SSL_get0_peer_certificate(ssl_.get())) names_ = names_in(certificate);
  secured_.store(true, std::memory_order_release);
  return {};
}

Task<TransportResult<void>> TlsConnection::handshake(TlsContext context, std::string host) {
  if (!begin(std::move(context), std::move(host)))
    co_return coerce::unexpected(insecure("it cannot begin"));
  for (;;) {
    auto step = shake();
    if (!sealed_.empty()) {  // after a failure: the alert that says so, if it can still be sent
      auto sent = co_await below_->write(sealed_);
      if (!sent && step) co_return coerce::unexpected(std::move(sent).error());
    }
    if (!step) co_return coerce::unexpected(std::move(step).error());
    if (*step == Step::Done) co_return finish();
    if (*step == Step::Ended) co_return coerce::unexpected(insecure("it ended in the handshake"));
    const std::span<std::uint8_t> into(received_);
    auto read = co_await below_->read_some(into);
    if (!read) co_return coerce::unexpected(std::move(read).error());
    if (*read == 0) co_return coerce::unexpected(insecure("it ended in the handshake"));
    feed(BytesView(received_).first(*read));
  }
}

TlsConnection::Stepped TlsConnection::open(std::span<std::uint8_t> into, std::size_t& count) {
  const std::lock_guard lock(mutex_);
  ERR_clear_error();
  while (count < into.size()) {
    std::size_t got = 0;
    const int returned = SSL_read_ex(ssl_.get(), into.data() + count, into.size() - count, &got);
    if (returned == 1) {
      count += got;
      continue;
    }
    if (count > 0) {  // what is wrong behind it is found the next time
      ERR_clear_error();
      return Step::Done;
    }
    if (BIO_ctrl_pending(output_) > kMostOutputOfReads)
      return coerce::unexpected(insecure("too many key updates"));
    return step_failed(returned);
  }
  return Step::Done;
}

Task<TransportResult<std::size_t>> TlsConnection::read_some(std::span<std::uint8_t> into) {
  if (!secured_.load(std::memory_order_acquire))
    co_return coerce::unexpected(insecure("there was no handshake"));
  for (;;) {
    std::size_t count = 0;
    auto step = open(into, count);
    if (!step) co_return coerce::unexpected(std::move(step).error());
    if (*step == Step::Done) co_return count;
    if (*step == Step::Ended) co_return std::size_t{0};
    const std::span<std::uint8_t> buffer(received_);
    auto read = co_await below_->read_some(buffer);
    if (!read) co_return coerce::unexpected(std::move(read).error());
    if (*read == 0) co_return std::size_t{0};
    feed(BytesView(received_).first(*read));
  }
}

TransportResult<void> TlsConnection::seal(BytesView bytes) {
  const std::lock_guard lock(mutex_);
  ERR_clear_error();
  std::size_t written = 0;
  const int returned = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written);
  if (returned != 1 || written != bytes.size())
    return coerce::unexpected(insecure(take_openssl_error()));
  take_output();
  return {};
}

Task<TransportResult<void>> TlsConnection::write(BytesView bytes) {
  if (!secured_.load(std::memory_order_acquire))
    co_return coerce::unexpected(insecure("there was no handshake"));
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), kSealedAtOnce));
    auto sealed = seal(piece);
    if (!sealed) co_return coerce::unexpected(std::move(sealed).error());
    auto sent = co_await below_->write(sealed_);
    if (!sent) co_return coerce::unexpected(std::move(sent).error());
    bytes = bytes.subspan(piece.size());
  }
  co_return TransportResult<void>();
}

}  // namespace coerce::detail
