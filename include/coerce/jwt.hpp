/// \file
/// Everything of the module jwt.

#pragma once

#include <coerce/jwt/authenticator.hpp>
#include <coerce/jwt/options.hpp>
