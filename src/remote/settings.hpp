/// \file
/// What a node is made from.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include <coerce/remote/authenticator.hpp>
#include <coerce/remote/downing.hpp>
#include <coerce/remote/handlers.hpp>
#include <coerce/remote/options.hpp>
#include <coerce/remote/transport.hpp>

namespace coerce {
class LeaseStore;
}

namespace coerce::detail {

struct NodeSettings {
  NodeId id = 0;  ///< 0: to be drawn
  std::string tag;
  std::string version = "0.0.0";
  std::string cluster = "coerce";
  std::map<std::string, std::string> attributes;
  std::set<std::string> roles;
  RemoteHandlers handlers;
  HeartbeatOptions heartbeat;
  RemoteLimits limits;
  Downing downing;
  std::shared_ptr<LeaseStore> leases;  ///< null: none
  LeaseOptions lease;
  std::shared_ptr<Authenticator> authenticator;
  std::shared_ptr<Transport> transport;
  /// Makes the transport once there is a system, if none was given.
  std::function<std::shared_ptr<Transport>(const ActorSystem&)> make_transport;
  bool allow_plaintext = false;
  /// B-128: the host of a node that dials us is where its connection comes from.
  bool override_incoming_address = false;
};

}  // namespace coerce::detail
