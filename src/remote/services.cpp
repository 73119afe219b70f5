#include "remote/services.hpp"

#include <stdexcept>

#include <coerce/actor/timeout.hpp>

namespace coerce::detail {

namespace {

ActorRefErr no_handler(InternalKind kind) {
  return ActorRefErr::NotSupported({}, {}, {},
                                   fmt::format("no such question: {}", static_cast<int>(kind)));
}

/// What a handler throws is its answer.
Task<Result<Bytes>> guarded(const InternalHandler& handler, NodeDescription from, Bytes payload) {
  std::string what = "unknown";
  try {
    auto running = handler(from, std::move(payload));
    auto answer = co_await running;
    co_return answer;
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {
  }
  co_return coerce::unexpected(ActorRefErr::HandlerFailed(what));
}

}  // namespace

void Services::add(InternalKind kind, InternalHandler handler) {
  if (!handlers_.emplace(kind, std::move(handler)).second)
    throw std::logic_error("coerce: two handlers for one kind of question");
}

void Services::serve(const std::shared_ptr<Peer>& peer, InternalKind kind, Bytes payload,
                     std::optional<std::uint64_t> ask) {
  const auto place = handlers_.find(kind);
  if (place == handlers_.end()) {
    conclude(*peer, kind, ask, coerce::unexpected(no_handler(kind)));
    return;
  }
  if (running_.fetch_add(1, std::memory_order_relaxed) < most_ &&
      world_.spawn(run(peer, place->second, kind, std::move(payload), ask)))
    return;
  running_.fetch_sub(1, std::memory_order_relaxed);
  conclude(*peer, kind, ask,
           coerce::unexpected(ActorRefErr::Overloaded("too many questions are being answered")));
}

Task<void> Services::run(std::shared_ptr<Peer> peer, const InternalHandler& handler,
                         InternalKind kind, Bytes payload, std::optional<std::uint64_t> ask) {
  auto answering = guarded(handler, peer->node(), std::move(payload));
  auto answer = co_await answering;
  running_.fetch_sub(1, std::memory_order_relaxed);
  conclude(*peer, kind, ask, std::move(answer));
}

void Services::conclude(Peer& peer, InternalKind kind, std::optional<std::uint64_t> ask,
                        Result<Bytes> answer) {
  if (ask) {
    peer.answer(*ask, std::move(answer));
  } else if (!answer) {
    world_.log_limited(LogLevel::Warn, "what node {} told ({}) was not taken: {}", peer.node_id(),
                       static_cast<int>(kind), printable(answer.error().to_string()));
  }
}

Task<Result<Bytes>> Services::serve_here(NodeDescription self, InternalKind kind, Bytes payload,
                                         Duration timeout) {
  const auto place = handlers_.find(kind);
  if (place == handlers_.end()) co_return coerce::unexpected(no_handler(kind));
  auto answering = guarded(place->second, std::move(self), std::move(payload));
  auto limited = with_timeout(std::move(answering), timeout);
  auto answer = co_await limited;
  co_return answer;
}

}  // namespace coerce::detail
