/// \file
/// From a connection to a link that carries messages.

#pragma once

#include <functional>

#include <coerce/runtime/detail/async_event.hpp>

#include "remote/meeting.hpp"
#include "remote/node_world.hpp"
#include "remote/peer_table.hpp"
#include "remote/settings.hpp"

namespace coerce::detail {

/// What a Links needs of its node besides.
class LinksHost {
 public:
  virtual ~LinksHost() = default;
  /// As other nodes are told now.
  virtual const NodeDescription& self() const noexcept = 0;
  virtual Result<void> admit(const NodeDescription& node, const Meeting& meeting) = 0;
  /// A link of the node begins, whatever becomes of it. The peer of any other node of its id is
  /// retired.
  virtual void came(const NodeDescription& node, const Meeting& meeting) = 0;
  virtual void linked(const std::shared_ptr<Peer>& peer) = 0;
  virtual void unlinked(const std::shared_ptr<Peer>& peer, bool goodbye) = 0;
  /// The peer, which was told that it talks to `self`, says that this node was removed.
  virtual void removed(const NodeDescription& self, const NodeDescription& peer) = 0;
};

enum class HelloEnd : std::uint8_t {
  Accepted,
  Failed,
  Ourselves,      ///< this node has dialled itself
  AlreadyLinked,  ///< dialling side: to a node that it reaches already
};

struct HelloOutcome {
  HelloEnd end = HelloEnd::Failed;
  std::string why;
  NodeId node = 0;  ///< at the other end, if it has come to say so
  std::optional<LinkTerms> terms;
  Incarnation self;  ///< what this node was called meanwhile
  Meeting meeting;
};

/// Makes links; each of its tasks belongs to one connection. Thread-safe.
class Links {
 public:
  Links(NodeWorld& world, LinksHost& host, PeerTable& peers, const NodeSettings& settings)
      : world_(world), host_(host), peers_(peers), settings_(settings) {}

  /// Secures the connection and says hello; within the handshake timeout. `dialled`: the address,
  /// empty if the other side has dialled. `closing` ends it early. `name`: what the other side's
  /// certificate has to be made out for, if that is not the address. `said_hello`, unless null, is
  /// called when the other side has said a whole hello that could be one of a member; whether that
  /// is true it has to prove still. Closes the connection unless it was accepted.
  Task<HelloOutcome> greet(Connection& connection, std::string dialled, AsyncEvent& closing,
                           std::string name = {},
                           const std::function<void()>* said_hello = nullptr);
  /// Carries the link to its end; false if nothing was carried.
  Task<bool> carry(std::unique_ptr<Connection> connection, HelloOutcome hello);

 private:
  std::optional<std::string> insecurity(const Connection& connection) const;
  Task<HelloOutcome> say_hello_or_throw(Connection& connection, std::string dialled,
                                        std::string name, const std::function<void()>* said_hello);
  Task<HelloOutcome> say_hello(Connection& connection, std::string dialled, std::string name,
                               const std::function<void()>* said_hello);
  Task<void> close_late(Connection& connection, AsyncEvent& closing);
  struct LinkLife {
    LinkEnd end;
    bool announced = false;
    bool ended = false;
    bool failed = false;  ///< something was thrown
  };
  static Task<void> hold(std::shared_ptr<Peer> peer, std::unique_ptr<Connection> connection,
                         LinkTerms terms, LinkLife& life);
  void tell_linked(const std::shared_ptr<Peer>& peer, LinkLife& life);
  Task<void> announce(std::shared_ptr<Peer> peer, std::uint64_t generation, LinkLife& life);

  NodeWorld& world_;
  LinksHost& host_;
  PeerTable& peers_;
  const NodeSettings& settings_;
  const std::shared_ptr<OwnHellos> own_hellos_ = std::make_shared<OwnHellos>();
};

}  // namespace coerce::detail
