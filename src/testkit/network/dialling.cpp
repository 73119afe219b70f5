// How streams begin: who listens, who connects, and what he is told.

#include <algorithm>

#include <fmt/format.h>

#include "testkit/network/world.hpp"

namespace coerce::testkit::detail {

namespace {

constexpr Duration kFirstPatience = std::chrono::seconds(1);   // then twice as long, and so on
constexpr Duration kMostPatience = std::chrono::seconds(127);  // what Linux has with its defaults

TransportErr bad_address(const std::string& address) {
  return {TransportErrKind::BadAddress, fmt::format("'{}' is no address of this network", address)};
}

}  // namespace

TransportResult<std::shared_ptr<Listening>> NetworkWorld::listen(const std::shared_ptr<Port>& port,
                                                                 const std::string& address) {
  if (port->is_cut_off)
    return coerce::unexpected(TransportErr(TransportErrKind::Closed, "the node has crashed"));
  const auto parsed = parse_address(address);
  if (!parsed || (parsed->node != 0 && parsed->node != port->node))
    return coerce::unexpected(bad_address(address));
  std::string chosen = address_of(port->node, parsed->port);
  Host& host = hosts_[static_cast<std::size_t>(port->node)];
  if (parsed->port == 0) do
      chosen = address_of(port->node, ++host.next_port);
    while (!listeners_[chosen].expired());
  std::weak_ptr<Listening>& place = listeners_[chosen];
  if (!place.expired())
    return coerce::unexpected(
        TransportErr(TransportErrKind::AddressInUse, chosen + " is listened at"));
  const auto listening = std::make_shared<Listening>();
  listening->port = port;
  listening->address = std::move(chosen);
  place = listening;
  return listening;
}

void NetworkWorld::unlisten(Listening& listening) {
  if (std::exchange(listening.is_closed, true)) return;
  listeners_.erase(listening.address);
  listening.backlog.clear();
  listening.bell.ring();
}

TransportResult<std::vector<std::string>> NetworkWorld::resolve(const std::string& address) const {
  const std::size_t colon = address.rfind(':');
  const auto name = names_.find(std::string_view(address).substr(0, colon));
  if (colon != std::string::npos && name != names_.end()) {
    if (name->second.empty()) return coerce::unexpected(bad_address(address));
    std::vector<std::string> found;
    for (const NodeId node : name->second)
      found.push_back(fmt::format("10.0.0.{}{}", node, std::string_view(address).substr(colon)));
    return found;
  }
  const auto parsed = parse_address(address);
  if (!parsed || parsed->node == 0 || parsed->node > nodes())
    return coerce::unexpected(bad_address(address));
  return std::vector<std::string>{address_of(parsed->node, parsed->port)};
}

void NetworkWorld::connect(const std::shared_ptr<Attempt>& attempt) {
  const auto parsed = parse_address(attempt->address);
  if (attempt->port->is_cut_off) {
    attempt->outcome.emplace(coerce::unexpected(
        TransportErr(TransportErrKind::Unreachable, "the node is cut off from the network")));
  } else if (!parsed || parsed->node == 0) {
    attempt->outcome.emplace(coerce::unexpected(bad_address(attempt->address)));
  }
  if (attempt->outcome) return;
  std::erase_if(attempts_, [](const auto& other) { return other.expired(); });
  attempts_.push_back(attempt);
  attempt->began = now();
  attempt->patience = kFirstPatience;
  after(delay(), [this, weak = std::weak_ptr(attempt)] { ask(weak); });
}

/// The question has come to where the address is.
void NetworkWorld::ask(const std::weak_ptr<Attempt>& weak) {
  const auto attempt = weak.lock();
  if (!attempt || attempt->outcome) return;
  const NodeId from = attempt->port->node;
  const NodeId to = parse_address(attempt->address)->node;
  const auto answer_later = [&](const char* text) {
    ++happened_.refused_connects;
    after(delay(), [this, weak, text] { answer(weak, TransportErrKind::Refused, text); });
  };
  if (to > nodes()) return answer_later("there is no such node");
  if (path(from, to).is_refusing) return answer_later("refused on the way");
  if (!is_open(from, to)) return ask_again(attempt);
  const auto place = listeners_.find(address_of(to, parse_address(attempt->address)->port));
  const auto listening = place == listeners_.end() ? nullptr : place->second.lock();
  if (!listening) return answer_later("nobody listens there");
  if (listening->backlog.size() >= options_.backlog) return ask_again(attempt);
  accept(attempt, *listening);
}

/// Nobody answers, so the question is repeated after a while.
void NetworkWorld::ask_again(const std::shared_ptr<Attempt>& attempt) {
  const TimePoint next = now() + attempt->patience;
  attempt->patience *= 2;
  const std::weak_ptr<Attempt> weak = attempt;
  if (next - attempt->began >= kMostPatience)
    at(attempt->began + kMostPatience,
       [this, weak] { answer(weak, TransportErrKind::Timeout, "nobody answers there"); });
  else
    at(next, [this, weak] { ask(weak); });
}

void NetworkWorld::answer(const std::weak_ptr<Attempt>& weak, TransportErrKind error,
                          const char* text) {
  const auto attempt = weak.lock();
  if (!attempt || attempt->outcome) return;
  if (trace_ != nullptr)
    note(fmt::format("{} -> {}: {}", attempt->port->node, attempt->address, text));
  attempt->outcome.emplace(coerce::unexpected(TransportErr(error, attempt->address + ": " + text)));
  attempt->bell.ring();
}

/// The listener's side is there from now on, the other when it has heard of it.
void NetworkWorld::accept(const std::shared_ptr<Attempt>& attempt, Listening& listening) {
  const auto stream = std::make_shared<Stream>();
  stream->number = ++streams_made_;
  ++happened_.streams;
  stream->ends[0].node = attempt->port->node;
  stream->ends[0].address = address_of(
      attempt->port->node, ++hosts_[static_cast<std::size_t>(attempt->port->node)].next_port);
  stream->ends[1].node = listening.port->node;
  stream->ends[1].address = listening.address;
  for (Pipe& pipe : stream->pipes) pipe.last_arrival = now();
  streams_.push_back(stream);
  if (trace_ != nullptr)
    note(fmt::format("{} -> {} [{}]: a stream", stream->ends[0].node, stream->ends[1].address,
                     stream->number));
  listening.backlog.push_back(make_connection(shared_from_this(), stream, 1));
  listening.bell.ring();
  const Duration back = delay();
  stream->pipes[1].last_arrival = now() + back;
  // Owned by the event: if the other side has given up, the stream is closed with it.
  auto other_side =
      std::make_shared<std::unique_ptr<Connection>>(make_connection(shared_from_this(), stream, 0));
  after(back, [weak = std::weak_ptr(attempt), other_side] {
    const auto waiting = weak.lock();
    if (!waiting || waiting->outcome) return;
    waiting->outcome.emplace(std::move(*other_side));
    waiting->bell.ring();
  });
}

}  // namespace coerce::testkit::detail
