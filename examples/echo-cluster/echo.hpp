/// \file
/// What the nodes of the example say to each other, and how one of them begins.

#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <coerce/remote.hpp>

#include "options.hpp"

namespace echo {

inline constexpr std::string_view actor_id = "echo-actor";

/// A question whose answer is its own text. It has a constructor, so that it can be made inside a
/// co_await with any compiler.
struct Echo {
  using Result = std::string;
  Echo() = default;
  explicit Echo(std::string words) : text(std::move(words)) {}
  std::string text;
};

class EchoActor : public coerce::Actor {
 public:
  std::string handle(Echo question, coerce::ActorContext& ctx);
};

/// A node that is in the cluster, and its listening end.
struct Joined {
  coerce::RemoteActorSystem node;
  coerce::RemoteServer server;
};

/// Makes the system a node, listens, and joins those whom the options name.
coerce::Task<coerce::Result<Joined>> join(coerce::ActorSystem system, Options options);

}  // namespace echo

/// How an Echo becomes bytes.
template <>
struct coerce::Codec<echo::Echo> : coerce::MemberCodec<echo::Echo, &echo::Echo::text> {};
