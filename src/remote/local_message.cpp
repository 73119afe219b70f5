// Messages of bytes to actors of this node.

#include <coerce/remote/refs.hpp>
#include <coerce/runtime/detail/timer.hpp>
#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>

#include "remote/core.hpp"

namespace coerce::detail {

namespace {

/// Waits for one answer.
class OneReply final : public ReplySink {
 public:
  void reply(std::uint64_t, BytesView answer) noexcept override {
    answer_ = Bytes(answer.begin(), answer.end());
    done.set();
  }
  void reply_error(std::uint64_t, ActorRefErr error) noexcept override {
    answer_ = coerce::unexpected(std::move(error));
    done.set();
  }
  Result<Bytes> take() { return std::move(answer_); }

  AsyncEvent done;

 private:
  Result<Bytes> answer_;  ///< written before `done`, once
};

std::optional<ActorRefErr> decoded_request(const RemoteHandler& handler, Cell& cell,
                                           BytesView message, InboundRequest request) {
  const DecodingScope scope(*cell.system);
  return handler.request(cell, message, std::move(request));
}

}  // namespace

Task<Result<Bytes>> RemoteCore::handle_message(std::string name, ActorId id, Bytes message,
                                               Duration timeout) {
  const RemoteHandler* handler = settings_.handlers.find(name);
  if (handler == nullptr) co_return coerce::unexpected(ActorRefErr::NotSupported(id, name));
  const CellRef cell = find_actor(id);
  if (cell.get() == nullptr) co_return coerce::unexpected(ActorRefErr::NotFound(id));
  if (cell->type != handler->cell_type)
    co_return coerce::unexpected(
        ActorRefErr::NotSupported(id, handler->message_type, handler->actor_type));
  const auto sink = std::make_shared<OneReply>();
  InboundRequest request{sink, 0, later(world_->now(), timeout)};
  if (auto refused = decoded_request(*handler, *cell, message, std::move(request)))
    co_return coerce::unexpected(std::move(*refused));
  auto first = co_await when_any(sink->done.wait(), sleep_for(timeout));
  if (sink->done.is_set()) co_return sink->take();
  const bool is_late = first.index() == 1 && std::get<1>(first);
  co_return coerce::unexpected(is_late ? ActorRefErr::Timeout(timeout) : ActorRefErr::Cancelled());
}

}  // namespace coerce::detail
