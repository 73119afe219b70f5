#include "remote/links.hpp"

#include <exception>

#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>

#include "remote/address.hpp"

namespace coerce::detail {

namespace {

using Role = HelloFacts::Role;

/// The host of the node that dials is where its connection comes from (B-128).
void override_host(NodeDescription& node, const Connection& connection) {
  const auto told = parse_address(node.address);
  auto seen = parse_address(connection.peer_address());
  if (!told || !seen) return;
  seen->port = told->port;
  node.address = seen->to_string();
}

}  // namespace

Task<void> Links::close_late(Connection& connection, AsyncEvent& closing) {
  auto first = co_await when_any(sleep_for(settings_.limits.handshake_timeout), closing.wait());
  const bool is_late = first.index() == 0 && std::get<0>(first);
  const bool is_closing = first.index() == 1 && std::get<1>(first);
  if (is_late || is_closing) connection.close();
}

Task<HelloOutcome> Links::greet(Connection& connection, std::string dialled, AsyncEvent& closing,
                                std::string name, const std::function<void()>* said_hello) {
  HelloOutcome outcome;
  auto hello = say_hello(connection, std::move(dialled), std::move(name), said_hello);
  auto limit = close_late(connection, closing);
  auto first = co_await when_any(std::move(hello), std::move(limit));
  if (first.index() == 0)
    outcome = std::get<0>(std::move(first));
  else
    outcome.why = "it took too long to say hello";
  if (outcome.end != HelloEnd::Accepted) connection.close();
  co_return outcome;
}

// What start() allowed is not all: a name may lead elsewhere than it seems, and who listens to all
// of a machine's addresses hears from all its networks.
std::optional<std::string> Links::insecurity(const Connection& connection) const {
  if (connection.is_local() || settings_.allow_plaintext) return std::nullopt;
  if (!settings_.transport->is_confidential())
    return "it leads beyond this machine, where others may listen: see tls() and "
           "allow_plaintext()";
  auto weakness = settings_.authenticator ? settings_.authenticator->weakness() : std::nullopt;
  if (weakness) *weakness = "it leads beyond this machine: " + *weakness;
  return weakness;
}

// What an Authenticator throws ends this hello, and nothing else.
Task<HelloOutcome> Links::say_hello(Connection& connection, std::string dialled, std::string name,
                                    const std::function<void()>* said_hello) {
  HelloOutcome failed;
  try {
    if (auto why = insecurity(connection)) {
      failed.why = std::move(*why);
      co_return failed;
    }
    auto saying = say_hello_or_throw(connection, std::move(dialled), std::move(name), said_hello);
    auto outcome = co_await saying;
    co_return outcome;
  } catch (const std::exception& error) {
    failed.why = error.what();
  } catch (...) {
    failed.why = "something was thrown";
  }
  co_return failed;
}

Task<HelloOutcome> Links::say_hello_or_throw(Connection& connection, std::string dialled,
                                             std::string name,
                                             const std::function<void()>* said_hello) {
  HelloOutcome outcome;
  const Role role = dialled.empty() ? Role::Listen : Role::Dial;
  outcome.meeting.dialled = dialled;
  if (name.empty()) name = std::move(dialled);
  auto securing = settings_.transport->secure(connection, std::move(name));
  auto secured = co_await securing;
  if (!secured) {
    outcome.why = secured.error().to_string();
    co_return outcome;
  }

  const NodeDescription& self = host_.self();
  outcome.self = self.incarnation;
  std::optional<NodeDescription> fenced_by;
  HelloSettings settings;
  settings.self = self;
  settings.cluster = settings_.cluster;
  settings.max_frame = settings_.limits.max_frame;
  settings.authenticator = settings_.authenticator;
  settings.own_hellos = own_hellos_;
  if (said_hello != nullptr) settings.met = *said_hello;
  settings.now = [this] { return world_.clock().wall_now(); };
  settings.admit = [&, role](const NodeDescription& peer) -> Result<void> {
    outcome.node = peer.id;
    if (role == Role::Dial) {
      const std::shared_ptr<Peer> known = peers_.find(peer.id);
      if (known && known->node().incarnation == peer.incarnation && known->is_connected()) {
        outcome.end = HelloEnd::AlreadyLinked;
        return coerce::unexpected(ActorRefErr::AlreadyExists({}));
      }
    }
    return host_.admit(peer, outcome.meeting);
  };
  settings.fenced = [&fenced_by](const NodeDescription& peer) { fenced_by = peer; };
  settings.next_generation = [&](const NodeDescription& peer) {
    return peers_.next_generation(self.id, peer);
  };
  auto shaking = shake_hands(connection, *settings_.transport, std::move(settings), role, {});
  auto terms = co_await shaking;
  if (!terms) {
    outcome.why = terms.error().to_string();
    if (fenced_by) host_.removed(self, *fenced_by);
    if (terms.error().kind() == ActorRefErrKind::AlreadyExists &&
        outcome.end != HelloEnd::AlreadyLinked)
      outcome.end = HelloEnd::Ourselves;
    co_return outcome;
  }
  outcome.end = HelloEnd::Accepted;
  outcome.node = terms->peer.id;
  outcome.meeting.is_on_one_host = terms->is_on_one_host;
  if (role == Role::Listen && settings_.override_incoming_address)
    override_host(terms->peer, connection);
  outcome.terms = std::move(*terms);
  co_return outcome;
}

Task<bool> Links::carry(std::unique_ptr<Connection> connection, HelloOutcome hello) {
  LinkTerms terms = std::move(*hello.terms);
  // Much may have happened while the hello went to and fro.
  auto welcome = host_.admit(terms.peer, hello.meeting);
  if (welcome && hello.self != host_.self().incarnation)
    welcome = coerce::unexpected(ActorRefErr::Fenced("this node has begun anew meanwhile"));
  if (!welcome) {
    world_.log_limited(LogSource::node(terms.peer.id), LogLevel::Warn,
                       "link {} with node {} at {} was given up after the hello: {}",
                       terms.generation, terms.peer.id, printable(connection->peer_address()),
                       printable(welcome.error().to_string()));
    connection->close();
    co_return false;
  }
  const std::shared_ptr<Peer> peer = peers_.of(terms.peer);
  host_.came(peer->node(), hello.meeting);
  const std::uint64_t generation = terms.generation;
  world_.log(LogLevel::Debug, "link {} with node {} at {}", generation, terms.peer.id,
             printable(connection->peer_address()));
  LinkLife life;
  auto link = hold(peer, std::move(connection), std::move(terms), life);
  auto news = announce(peer, generation, life);
  co_await when_all(std::move(link), std::move(news));
  // If its node has ended meanwhile, the end of the link says nothing of who is there now.
  const bool is_known = peers_.let_go(peer);
  if (life.announced && is_known) host_.unlinked(peer, life.end.goodbye);
  const LogLevel level = life.end.hostile || life.failed ? LogLevel::Warn : LogLevel::Debug;
  world_.log_limited(LogSource::node(peer->node_id()), level, "link {} with node {} has ended: {}",
                     generation, peer->node_id(), printable(life.end.why));
  co_return life.announced && !life.end.hostile;
}

Task<void> Links::hold(std::shared_ptr<Peer> peer, std::unique_ptr<Connection> connection,
                       LinkTerms terms, LinkLife& life) {
  try {
    auto carrying = peer->carry(std::move(connection), std::move(terms));
    life.end = co_await carrying;
  } catch (const std::exception& error) {
    life.failed = true;
    life.end.why = error.what();
  } catch (...) {
    life.failed = true;
    life.end.why = "something was thrown";
  }
  life.ended = true;
}

// A link that not all who should know it do know must not go on.
void Links::tell_linked(const std::shared_ptr<Peer>& peer, LinkLife& life) {
  try {
    host_.linked(peer);
    return;
  } catch (const std::exception& error) {
    peer->cut(error.what());
  } catch (...) {
    peer->cut("something was thrown");
  }
  life.failed = true;
}

// The peer takes messages by this link before others are told that it does: while an older one is
// being ended the peer may still take some, which go with that one.
Task<void> Links::announce(std::shared_ptr<Peer> peer, std::uint64_t generation, LinkLife& life) {
  while (!life.ended && peer->generation() <= generation) {
    if (peer->is_connected_by(generation)) {
      life.announced = true;
      tell_linked(peer, life);
      co_return;
    }
    const bool slept = co_await sleep_for(std::chrono::milliseconds(1));
    if (!slept) co_return;
  }
}

}  // namespace coerce::detail
