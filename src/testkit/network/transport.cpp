#include <charconv>

#include <fmt/format.h>

#include "testkit/network/world.hpp"

namespace coerce::testkit::detail {

namespace {

class SimulatedListener final : public Listener {
 public:
  SimulatedListener(std::shared_ptr<NetworkWorld> world, std::shared_ptr<Listening> listening)
      : world_(std::move(world)), listening_(std::move(listening)) {}
  ~SimulatedListener() override { close(); }

  Task<TransportResult<std::unique_ptr<Connection>>> accept() override {
    while (!listening_->is_closed) {
      if (!listening_->backlog.empty()) {
        std::unique_ptr<Connection> next = std::move(listening_->backlog.front());
        listening_->backlog.pop_front();
        co_return next;
      }
      const bool rung = co_await listening_->bell.wait();
      if (!rung) break;
    }
    co_return coerce::unexpected(TransportErr(TransportErrKind::Closed, "closed by this side"));
  }
  std::string local_address() const override { return listening_->address; }
  void close() noexcept override { world_->unlisten(*listening_); }

 private:
  const std::shared_ptr<NetworkWorld> world_;
  const std::shared_ptr<Listening> listening_;
};

class SimulatedTransport final : public Transport {
 public:
  SimulatedTransport(std::shared_ptr<NetworkWorld> world, std::shared_ptr<Port> port)
      : world_(std::move(world)), port_(std::move(port)) {}

  Task<TransportResult<std::unique_ptr<Listener>>> listen(std::string address) override {
    auto listening = world_->listen(port_, address);
    if (!listening) co_return coerce::unexpected(std::move(listening).error());
    std::unique_ptr<Listener> listener =
        std::make_unique<SimulatedListener>(world_, std::move(*listening));
    co_return listener;
  }

  Task<TransportResult<std::unique_ptr<Connection>>> connect(std::string address) override {
    const auto attempt = std::make_shared<Attempt>();
    attempt->port = port_;
    attempt->address = std::move(address);
    world_->connect(attempt);
    while (!attempt->outcome) {
      const bool rung = co_await attempt->bell.wait();
      if (!rung)
        co_return coerce::unexpected(TransportErr(TransportErrKind::Closed, "closed by this side"));
    }
    co_return std::move(*attempt->outcome);
  }

  Task<TransportResult<void>> secure(Connection&, std::string) override {
    co_return TransportResult<void>();
  }

  Task<TransportResult<std::vector<std::string>>> resolve(std::string address) override {
    co_return world_->resolve(address);
  }

  void random_bytes(std::span<std::uint8_t> into) override {
    for (std::uint8_t& byte : into) byte = static_cast<std::uint8_t>(port_->secrets.next());
  }
  bool is_confidential() const noexcept override { return true; }
  std::string host_identity() const override {
    return world_->options().one_host ? "host" : fmt::format("host-{}", port_->node);
  }

 private:
  const std::shared_ptr<NetworkWorld> world_;
  const std::shared_ptr<Port> port_;
};

template <class N>
std::optional<N> number(std::string_view text) {
  N value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<NodeId> node_of(std::string_view host) {
  if (host == "0.0.0.0") return NodeId{0};
  for (const std::string_view before : {"10.0.0.", "node-"})
    if (host.starts_with(before)) {
      const auto node = number<std::uint8_t>(host.substr(before.size()));
      if (node && *node != 0) return NodeId{*node};
    }
  return std::nullopt;
}

}  // namespace

std::string address_of(NodeId node, std::uint16_t port) {
  return fmt::format("10.0.0.{}:{}", node, port);
}

std::optional<SimulatedAddress> parse_address(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto node = node_of(address.substr(0, colon));
  const auto port = number<std::uint16_t>(address.substr(colon + 1));
  if (!node || !port) return std::nullopt;
  return SimulatedAddress{*node, *port};
}

std::shared_ptr<Transport> NetworkWorld::attach(NodeId node) {
  Host& host = hosts_.at(static_cast<std::size_t>(node));
  ++host.lives;
  host.is_up = true;
  host.port = std::make_shared<Port>(node, rng_.next());
  let_go();
  return std::make_shared<SimulatedTransport>(shared_from_this(), host.port);
}

}  // namespace coerce::testkit::detail
