/// \file
/// JSON Web Tokens (RFC 7519) as the proofs of nodes.

#pragma once

#include <memory>

#include <coerce/jwt/options.hpp>
#include <coerce/remote/authenticator.hpp>

namespace coerce {

/// Proves by tokens that are made for one connection each, and worth nothing on another: they name
/// both nodes with their incarnations, the cluster, the side, both nonces, a hash of both hellos
/// and, with TLS, the channel. What RemoteActorSystemBuilder::client_auth_jwt uses.
///
/// A token is checked in this order: its size and alphabet, its header (byte by byte: it is one of
/// those that this node's keys have, so no algorithm can be chosen), its signature in constant
/// time, and only then what it says. Throws std::invalid_argument that names the option, and the
/// file if one cannot be used.
std::shared_ptr<Authenticator> jwt_authenticator(const JwtOptions& options);

}  // namespace coerce
