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
  const auto [place, is_new] = services_.try_emplace(kind);
  if (!is_new) throw std::logic_error("coerce: two handlers for one kind of question");
  place->second.handler = std::move(handler);
}

std::uint64_t Services::asked(InternalKind kind) const {
  const auto place = services_.find(kind);
  return place != services_.end() ? place->second.asked.load(std::memory_order_relaxed) : 0;
}

void Services::serve(const std::shared_ptr<Peer>& peer, InternalKind kind, Bytes payload,
                     std::optional<std::uint64_t> ask) {
  const auto place = services_.find(kind);
  if (place == services_.end()) {
    conclude(*peer, kind, ask, coerce::unexpected(no_handler(kind)));
    return;
  }
  place->second.asked.fetch_add(1, std::memory_order_relaxed);
  if (begin(peer->node_id())) {
    if (world_.spawn(run(peer, place->second.handler, kind, std::move(payload), ask))) return;
    end(peer->node_id());
  }
  conclude(*peer, kind, ask,
           coerce::unexpected(ActorRefErr::Overloaded("too many questions are being answered")));
}

void Services::add_in_order(InternalKind kind, InOrderHandler handler) {
  if (!in_order_.emplace(kind, std::move(handler)).second)
    throw std::logic_error("coerce: two handlers for one kind of what is told in order");
}

void Services::take_in_order(const NodeDescription& from, InternalKind kind, std::uint64_t number,
                             BytesView payload) {
  const auto place = in_order_.find(kind);
  const auto taken = place != in_order_.end() ? place->second(from, number, payload)
                                              : Result<void>(coerce::unexpected(no_handler(kind)));
  if (!taken)
    world_.log_limited(LogSource::node(from.id), LogLevel::Warn,
                       "what node {} told ({}) was not taken: {}", from.id, static_cast<int>(kind),
                       printable(taken.error().to_string()));
}

bool Services::begin(NodeId from) {
  const std::lock_guard guard(mutex_);
  if (running_ >= most_) return false;
  std::size_t& of_one = running_of_[from];
  if (of_one >= most_of_one_) return false;
  ++of_one;
  ++running_;
  return true;
}

void Services::end(NodeId from) {
  const std::lock_guard guard(mutex_);
  const auto place = running_of_.find(from);
  if (--place->second == 0) running_of_.erase(place);
  --running_;
}

Task<void> Services::run(std::shared_ptr<Peer> peer, const InternalHandler& handler,
                         InternalKind kind, Bytes payload, std::optional<std::uint64_t> ask) {
  auto answering = guarded(handler, peer->node(), std::move(payload));
  auto answer = co_await answering;
  end(peer->node_id());
  conclude(*peer, kind, ask, std::move(answer));
}

void Services::conclude(Peer& peer, InternalKind kind, std::optional<std::uint64_t> ask,
                        Result<Bytes> answer) {
  if (ask) {
    peer.answer(*ask, std::move(answer));
  } else if (!answer) {
    world_.log_limited(LogSource::node(peer.node_id()), LogLevel::Warn,
                       "what node {} told ({}) was not taken: {}", peer.node_id(),
                       static_cast<int>(kind), printable(answer.error().to_string()));
  }
}

Task<Result<Bytes>> Services::serve_here(NodeDescription self, InternalKind kind, Bytes payload,
                                         Duration timeout) {
  const auto place = services_.find(kind);
  if (place == services_.end()) co_return coerce::unexpected(no_handler(kind));
  auto answering = guarded(place->second.handler, std::move(self), std::move(payload));
  auto limited = with_timeout(std::move(answering), timeout);
  auto answer = co_await limited;
  co_return answer;
}

}  // namespace coerce::detail
