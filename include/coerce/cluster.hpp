/// \file
/// Everything of the module cluster.

#pragma once

#include <coerce/cluster/health.hpp>
