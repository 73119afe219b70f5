#include "remote/peer.hpp"

#include <mutex>

#include <fmt/format.h>

#include "actor/message_facts.hpp"
#include "remote/deadlines.hpp"
#include "remote/errors.hpp"
#include "remote/scratch.hpp"

namespace coerce::detail {

namespace {

Task<void> ask_to_stop(Task<Result<void>> stopping) {
  const auto stopped = co_await stopping;
  (void)stopped;  // who only notifies does not want to know
}

}  // namespace

Peer::Peer(ActorSystem system, PeerHost& host, NodeDescription node, PeerOptions options)
    : system_(std::move(system)),
      host_(host),
      node_(std::move(node)),
      options_(options),
      outbox_(std::make_shared<Outbox>(options)),
      requests_(options.max_requests) {}

Peer::~Peer() = default;

bool Peer::is_connected() const noexcept { return outbox_->is_open(); }

bool Peer::is_connected_by(std::uint64_t generation) const noexcept {
  const std::lock_guard guard(lock_);
  return link_ != nullptr && link_->is_carried && link_->terms.generation == generation &&
         outbox_->is_open();
}

std::uint64_t Peer::generation() const noexcept {
  const std::lock_guard guard(lock_);
  return generation_;
}

std::size_t Peer::inflight_requests() const noexcept { return requests_.size(); }

std::shared_ptr<Link> Peer::present() const noexcept {
  const std::lock_guard guard(lock_);
  return link_;
}

void Peer::cut(std::string_view why) noexcept {
  if (const auto link = present()) link->end(why);
}

void Peer::retire(std::string_view why) noexcept {
  {
    const std::lock_guard guard(lock_);
    if (!retired_) retired_ = why;
  }
  cut(why);
}

ActorRefErr Peer::no_link() const {
  std::string why;
  {
    const std::lock_guard guard(lock_);
    if (retired_) why = *retired_;
  }
  return unreachable(ActorRefErrOutcome::NotDelivered,
                     fmt::format("node {}: {}", node_.id, why.empty() ? "no link" : why));
}

ActorRefErr Peer::refusal_of(Queued queued) const {
  switch (queued) {
    case Queued::Full:
      return ActorRefErr::Overloaded(
          fmt::format("too much waits for the link to node {}", node_.id));
    case Queued::TooLarge:
      return ActorRefErr::Serialisation(
          fmt::format("the message is longer than node {} takes", node_.id));
    default:
      return no_link();
  }
}

[[gnu::always_inline]] inline const RemoteHandler* Peer::handler_of(
    ForeignCell& target, const void* message_key) const noexcept {
  // Handlers live as long as the node, and nothing in them changes.
  const auto* const latest =
      static_cast<const RemoteHandler*>(target.latest_handler.load(std::memory_order_relaxed));
  if (latest != nullptr && latest->message_key == message_key) return latest;
  const RemoteHandler* const found = host_.handlers().find(target.actor_key, message_key);
  if (found != nullptr) target.latest_handler.store(found, std::memory_order_relaxed);
  return found;
}

std::optional<ActorRefErr> Peer::deliver(ForeignCell& target,
                                         const ForeignMessage& message) noexcept {
  const RemoteHandler* const handler = handler_of(target, message.message_key);
  if (handler == nullptr)
    return ActorRefErr::NotSupported(target.id(), message.message_type, target.actor_type,
                                     "no name is registered for it");
  const std::uint32_t link = outbox_->link();
  if (!outbox_->is_open()) return no_link();
  Scratch scratch;
  if (auto error = handler->encode(message.payload, scratch.bytes())) return error;
  if (message.asker != nullptr)
    return deliver_request(target, *handler, *message.asker, scratch.bytes());
  const Queued queued = outbox_->push_message(
      link, {.target = target, .handler = *handler, .payload = scratch.bytes()});
  if (queued == Queued::Taken) [[likely]]
    return std::nullopt;
  return refusal_of(queued);
}

std::optional<ActorRefErr> Peer::deliver_request(ForeignCell& target, const RemoteHandler& handler,
                                                 ReplyEnvelope& asker, BytesView payload) noexcept {
  const std::uint32_t link = outbox_->link();
  const TimePoint now = system_.clock().now();
  TimePoint deadline = deadline_of(asker);
  if (deadline == TimePoint::max()) deadline = later(now, options_.request_timeout);
  if (deadline <= now) return expired();
  const std::uint64_t number = add_request(
      {.asker = &asker, .handler = &handler, .sent = now, .deadline = deadline, .link = link});
  if (number == 0)
    return ActorRefErr::Overloaded(
        fmt::format("as many requests to node {} wait for an answer as may", node_.id));
  std::uint8_t extensions[kDeadlineBlock];
  write_deadline_block({deadline - now, now - began_.load(std::memory_order_relaxed)}, extensions);
  const Queued queued = outbox_->push_message(link, {.target = target,
                                                     .handler = handler,
                                                     .request = number,
                                                     .extensions = extensions,
                                                     .payload = payload});
  if (queued == Queued::Taken) [[likely]]
    return std::nullopt;
  // Gone already: the link has just ended, or the deadline has, and the asker has been told.
  if (!requests_.take(number)) return std::nullopt;
  return refusal_of(queued);
}

/// Its number; 0: there are as many as may be.
std::uint64_t Peer::add_request(const WaitingRequest& request) {
  const std::uint64_t number = requests_.add(request);
  if (request.deadline >= looks_at_.load(std::memory_order_acquire)) [[likely]]
    return number;
  std::shared_ptr<AsyncEvent> sooner;
  {
    const std::lock_guard guard(lock_);
    sooner.swap(sooner_);
  }
  if (sooner != nullptr) sooner->set();
  return number;
}

NetworkCounters Peer::counters() const noexcept {
  const Outbox::Counts counts = outbox_->counts();
  const std::lock_guard guard(lock_);
  NetworkCounters sum = past_;
  sum.messages_sent = counts.messages;
  sum.queue_bytes = counts.queue_bytes;
  if (link_ != nullptr && link_->is_carried) link_->add_counts(sum);
  return sum;
}

Task<Result<ActorStatus>> Peer::status(CellRef target) {
  return host_.status_of(shared_from_this(), target->id());
}

Task<Result<void>> Peer::stop(CellRef target) {
  return host_.stop_of(shared_from_this(), target->id());
}

Result<void> Peer::notify_stop(ForeignCell& target) {
  if (!is_connected()) return coerce::unexpected(no_link());
  if (!system_.spawn(ask_to_stop(host_.stop_of(shared_from_this(), target.id()))))
    return coerce::unexpected(ActorRefErr::Overloaded("the system runs as many tasks as it may"));
  return {};
}

Task<DescribeResult> Peer::describe(CellRef target, DescribeOptions options) {
  return host_.describe_of(shared_from_this(), target->id(), options);
}

Result<void> Peer::watch(Cell& watcher, ForeignCell& target) {
  return host_.watch_of(shared_from_this(), watcher, target);
}

void Peer::unwatch(Cell& watcher, ForeignCell& target) noexcept {
  host_.unwatch_of(shared_from_this(), watcher, target);
}

}  // namespace coerce::detail
