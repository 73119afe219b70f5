/// \file
/// Everything of the module singleton.

#pragma once

#include <coerce/singleton/singleton.hpp>
