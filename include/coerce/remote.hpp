/// \file
/// Everything of the module remote.

#pragma once

#include <coerce/remote/authenticator.hpp>
#include <coerce/remote/counters.hpp>
#include <coerce/remote/handlers.hpp>
#include <coerce/remote/node.hpp>
#include <coerce/remote/options.hpp>
#include <coerce/remote/refs.hpp>
#include <coerce/remote/server.hpp>
#include <coerce/remote/system.hpp>
#include <coerce/remote/transport.hpp>
