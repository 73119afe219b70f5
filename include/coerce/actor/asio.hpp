/// \file
/// Sending to actors from Asio's world.

#pragma once

#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/post.hpp>

#include <coerce/actor/system.hpp>
#include <coerce/runtime/asio.hpp>

namespace coerce {

/// The system's executor, for constructing I/O objects and for asio::co_spawn.
inline SchedulerExecutor<> executor_of(const ActorSystem& system) noexcept {
  return executor_of(system.scheduler());
}

namespace detail {

/// Calls a completion handler with the answer, on its associated executor, whose work it counts as.
template <class Handler, class Answer>
class AnswerHandler {
  // prefer() may hand its argument back as a reference.
  using Executor = std::decay_t<decltype(asio::prefer(
      std::declval<asio::associated_executor_t<Handler, asio::system_executor>>(),
      asio::execution::outstanding_work.tracked))>;

 public:
  explicit AnswerHandler(Handler&& handler)
      : executor_(asio::prefer(asio::get_associated_executor(handler, asio::system_executor()),
                               asio::execution::outstanding_work.tracked)),
        handler_(std::move(handler)) {}

  void operator()(Answer&& answer) {
    asio::post(executor_, [handler = std::move(handler_), answer = std::move(answer)]() mutable {
      handler(std::move(answer));
    });
  }

 private:
  Executor executor_;
  Handler handler_;
};

}  // namespace detail

template <class A, class Route>
template <class M, class Token>
  requires Handler<A, std::remove_cvref_t<M>>
auto detail::TypedRef<A, Route>::async_send(M&& message, Token&& token) const {
  detail::refuse_awaited_temporary<M>();
  using Plain = std::remove_cvref_t<M>;
  using Answer = Result<MessageResult<Plain>>;
  const auto initiation = [](auto&& handler, detail::CellRef cell, Plain payload) {
    using Handler = std::decay_t<decltype(handler)>;
    detail::deliver<Plain>(*cell, Route::template send_op<Plain>(*cell), std::move(payload),
                           detail::AnswerHandler<Handler, Answer>(std::move(handler)));
  };
  return asio::async_initiate<Token, void(Answer)>(initiation, token, this->cell_,
                                                   Plain(std::forward<M>(message)));
}

}  // namespace coerce
