/// \file
/// Who may try to own something: leases with epochs.

#pragma once

#include <coerce/actor/epoch.hpp>
#include <coerce/coordination/in_memory.hpp>
#include <coerce/coordination/lease_store.hpp>
#include <coerce/coordination/redis.hpp>
#include <coerce/coordination/sqlite.hpp>
