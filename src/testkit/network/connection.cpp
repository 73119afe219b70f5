#include <algorithm>

#include <coerce/runtime/sleep.hpp>

#include "testkit/network/world.hpp"

namespace coerce::testkit::detail {

namespace {

TransportErr closed_here() { return {TransportErrKind::Closed, "closed by this side"}; }

class SimulatedConnection final : public Connection {
 public:
  SimulatedConnection(std::shared_ptr<NetworkWorld> world, std::shared_ptr<Stream> stream,
                      std::size_t end)
      : world_(std::move(world)), stream_(std::move(stream)), end_(end) {}
  ~SimulatedConnection() override { close(); }

  Task<TransportResult<std::size_t>> read_some(std::span<std::uint8_t> into) override {
    for (;;) {
      if (auto error = end_of_stream()) co_return coerce::unexpected(std::move(*error));
      if (into.empty()) co_return std::size_t{0};
      if (const std::size_t unread = inbox().size(); unread != 0) {
        const std::size_t size = draw_size(std::min(unread, into.size()));
        inbox().take(into.first(size));
        world_->give_credit(stream_, end_, size);
        co_return size;
      }
      if (self().is_broken) co_return coerce::unexpected(lost());
      if (self().peer_ended) co_return std::size_t{0};
      const bool rung = co_await self().reader.wait();
      if (!rung) co_return coerce::unexpected(closed_here());
    }
  }

  Task<TransportResult<void>> write(BytesView bytes) override {
    while (!bytes.empty()) {
      if (auto error = end_of_stream()) co_return coerce::unexpected(std::move(*error));
      if (self().is_broken) co_return coerce::unexpected(lost());
      const std::size_t size = std::min(world_->room(*stream_, end_), bytes.size());
      if (size == 0) {
        const bool rung = co_await self().writer.wait();
        if (!rung) co_return coerce::unexpected(closed_here());
        continue;
      }
      world_->send(stream_, end_, bytes.first(size));
      self().written += size;
      bytes = bytes.subspan(size);
    }
    // Sometimes a write is done at once, sometimes others run first.
    if (world_->rng().below(2) == 0) co_await yield();
    co_return TransportResult<void>();
  }

  std::uint64_t written() const noexcept override { return stream_->ends[end_].written; }
  void close() noexcept override { world_->close(stream_, end_); }

  std::string peer_address() const override { return stream_->ends[1 - end_].address; }
  std::optional<Bytes> channel_binding() const override { return std::nullopt; }
  std::vector<std::string> peer_names() const override { return {}; }
  bool is_local() const noexcept override { return false; }

 private:
  End& self() noexcept { return stream_->ends[end_]; }
  Inbox& inbox() noexcept { return stream_->pipes[1 - end_].inbox; }

  std::optional<TransportErr> end_of_stream() {
    if (self().is_closed) return closed_here();
    if (self().is_gone) return lost();
    return std::nullopt;
  }
  TransportErr lost() const {
    return {TransportErrKind::Lost, "the stream to " + peer_address() + " broke"};
  }

  /// Mostly all that there is; but whoever relies on that is found out.
  std::size_t draw_size(std::size_t most) {
    switch (world_->rng().below(8)) {
      case 0:
        return 1;
      case 1:
        return 1 + world_->rng().below(most);
      default:
        return most;
    }
  }

  const std::shared_ptr<NetworkWorld> world_;
  const std::shared_ptr<Stream> stream_;
  const std::size_t end_;
};

}  // namespace

std::unique_ptr<Connection> make_connection(std::shared_ptr<NetworkWorld> world,
                                            std::shared_ptr<Stream> stream, std::size_t end) {
  return std::make_unique<SimulatedConnection>(std::move(world), std::move(stream), end);
}

}  // namespace coerce::testkit::detail
