// Two ends of a stream of bytes in memory, with the troubles that a test chooses.

#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <coerce/remote/transport.hpp>
#include <coerce/runtime/detail/async_event.hpp>

namespace remote_test {

/// What a direction does to its bytes. May be changed at any time with MemoryStream::change.
struct StreamTrouble {
  std::size_t capacity = 256 * 1024;  ///< bytes on their way; a writer waits beyond
  std::size_t read_limit = SIZE_MAX;  ///< of one read
  std::size_t cut_after = SIZE_MAX;   ///< bytes that are carried; then the stream breaks
  bool stalled = false;               ///< nothing comes out
};

/// One direction.
class MemoryStream {
 public:
  void change(auto&& how) {
    {
      const std::lock_guard guard(mutex_);
      how(trouble_);
    }
    tell();
  }

  coerce::Task<coerce::TransportResult<std::size_t>> read(std::span<std::uint8_t> into) {
    for (;;) {
      std::shared_ptr<coerce::detail::AsyncEvent> changed;
      std::optional<std::size_t> count;
      {
        const std::lock_guard guard(mutex_);
        if (closed_) co_return failed(coerce::TransportErrKind::Closed);
        if (!bytes_.empty() && !trouble_.stalled) {
          count = std::min({into.size(), bytes_.size(), trouble_.read_limit});
          const auto end = bytes_.begin() + static_cast<std::ptrdiff_t>(*count);
          std::copy(bytes_.begin(), end, into.begin());
          bytes_.erase(bytes_.begin(), end);
        } else if (broken_) {
          co_return failed(coerce::TransportErrKind::Lost);
        } else if (ended_ && !trouble_.stalled) {
          count = 0;
        }
        changed = changed_;
      }
      if (count) {
        tell();
        co_return *count;
      }
      const bool goes_on = co_await changed->wait();
      if (!goes_on) co_return failed(coerce::TransportErrKind::Closed);
    }
  }

  /// Gives how many bytes it has taken; `closed` by the writer's end.
  coerce::Task<coerce::TransportResult<void>> write(coerce::BytesView bytes,
                                                    std::atomic<std::uint64_t>& written) {
    while (!bytes.empty()) {
      std::shared_ptr<coerce::detail::AsyncEvent> changed;
      std::size_t count = 0;
      {
        const std::lock_guard guard(mutex_);
        if (writer_closed_) co_return no(coerce::TransportErrKind::Closed);
        if (broken_ || closed_) co_return no(coerce::TransportErrKind::Lost);
        const std::size_t room = trouble_.capacity - std::min(trouble_.capacity, bytes_.size());
        count = std::min({bytes.size(), room, trouble_.cut_after - carried_});
        bytes_.insert(bytes_.end(), bytes.begin(),
                      bytes.begin() + static_cast<std::ptrdiff_t>(count));
        carried_ += count;
        if (carried_ == trouble_.cut_after) broken_ = true;
        changed = changed_;
      }
      written += count;
      bytes = bytes.subspan(count);
      if (count > 0) {
        tell();
        continue;
      }
      const bool goes_on = co_await changed->wait();
      if (!goes_on) co_return no(coerce::TransportErrKind::Closed);
    }
    co_return coerce::TransportResult<void>();
  }

  void close_reader() { set(closed_); }
  void close_writer() {
    {
      const std::lock_guard guard(mutex_);
      ended_ = writer_closed_ = true;
    }
    tell();
  }
  std::size_t waiting() {
    const std::lock_guard guard(mutex_);
    return bytes_.size();
  }

 private:
  static coerce::TransportResult<std::size_t> failed(coerce::TransportErrKind kind) {
    return coerce::unexpected(coerce::TransportErr(kind, "memory"));
  }
  static coerce::TransportResult<void> no(coerce::TransportErrKind kind) {
    return coerce::unexpected(coerce::TransportErr(kind, "memory"));
  }
  void set(bool& flag) {
    {
      const std::lock_guard guard(mutex_);
      flag = true;
    }
    tell();
  }
  void tell() {
    auto happened = std::make_shared<coerce::detail::AsyncEvent>();
    {
      const std::lock_guard guard(mutex_);
      std::swap(happened, changed_);
    }
    happened->set();
  }

  std::mutex mutex_;
  coerce::Bytes bytes_;
  StreamTrouble trouble_;
  std::size_t carried_ = 0;
  bool broken_ = false;  // by the trouble
  bool ended_ = false;   // nothing more comes
  bool writer_closed_ = false;
  bool closed_ = false;  // by the reader
  std::shared_ptr<coerce::detail::AsyncEvent> changed_ =
      std::make_shared<coerce::detail::AsyncEvent>();
};

class MemoryConnection : public coerce::Connection {
 public:
  MemoryConnection(std::shared_ptr<MemoryStream> in, std::shared_ptr<MemoryStream> out)
      : in_(std::move(in)), out_(std::move(out)) {}
  ~MemoryConnection() override { close(); }

  coerce::Task<coerce::TransportResult<std::size_t>> read_some(
      std::span<std::uint8_t> into) override {
    return in_->read(into);
  }
  coerce::Task<coerce::TransportResult<void>> write(coerce::BytesView bytes) override {
    return out_->write(bytes, written_);
  }
  std::uint64_t written() const noexcept override { return written_; }
  void close() noexcept override {
    in_->close_reader();
    out_->close_writer();
  }
  std::string peer_address() const override { return "memory"; }
  std::optional<coerce::Bytes> channel_binding() const override { return std::nullopt; }
  std::vector<std::string> peer_names() const override { return {}; }
  bool is_local() const noexcept override { return true; }

 private:
  std::shared_ptr<MemoryStream> in_;
  std::shared_ptr<MemoryStream> out_;
  std::atomic<std::uint64_t> written_{0};
};

}  // namespace remote_test
