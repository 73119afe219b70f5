/// \file
/// The way back of the requests that came over one link.

#pragma once

#include <atomic>
#include <memory>

#include <coerce/remote/detail/remote_handler.hpp>

#include "remote/outbox.hpp"

namespace coerce::detail {

/// Requests of one peer that are being answered, whatever link they came over.
using Answering = std::atomic<std::size_t>;

/// Requests keep it, so it keeps little: after the link's end an empty queue. Thread-safe.
class Replies final : public ReplySink {
 public:
  Replies(std::shared_ptr<Outbox> outbox, std::uint32_t link,
          std::shared_ptr<Answering> answering) noexcept
      : outbox_(std::move(outbox)), link_(link), answering_(std::move(answering)) {}

  /// A request has come. False: as many are being answered as may be.
  bool begin(std::size_t limit) noexcept;
  /// It was not taken by its actor after all.
  void end() noexcept { answering_->fetch_sub(1, std::memory_order_relaxed); }

  void reply(std::uint64_t request, BytesView answer) noexcept override;
  void reply_error(std::uint64_t request, ActorRefErr error) noexcept override;
  /// The same for one that was not begun.
  void refuse(std::uint64_t request, const ActorRefErr& error) noexcept;

 private:
  const std::shared_ptr<Outbox> outbox_;
  const std::uint32_t link_;
  const std::shared_ptr<Answering> answering_;
};

}  // namespace coerce::detail
