/// \file
/// Everything of the component remote, and what it is used with: actors, and codecs of messages.

#pragma once

#include <coerce/actor.hpp>
#include <coerce/cluster.hpp>
#include <coerce/codec.hpp>
#include <coerce/pubsub.hpp>
#include <coerce/remote/authenticator.hpp>
#include <coerce/remote/counters.hpp>
#include <coerce/remote/downing.hpp>
#include <coerce/remote/handlers.hpp>
#include <coerce/remote/node.hpp>
#include <coerce/remote/options.hpp>
#include <coerce/remote/refs.hpp>
#include <coerce/remote/server.hpp>
#include <coerce/remote/system.hpp>
#include <coerce/remote/tcp.hpp>
#include <coerce/remote/tls.hpp>
#include <coerce/remote/transport.hpp>
#include <coerce/singleton.hpp>
