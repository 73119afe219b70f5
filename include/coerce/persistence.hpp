/// \file
/// Actors whose state survives them: events first, state after.

#pragma once

#include <coerce/actor.hpp>
#include <coerce/codec.hpp>
#include <coerce/coordination.hpp>
#include <coerce/persistence/durable_state.hpp>
#include <coerce/persistence/event_batch.hpp>
#include <coerce/persistence/in_memory.hpp>
#include <coerce/persistence/journal.hpp>
#include <coerce/persistence/journal_err.hpp>
#include <coerce/persistence/journal_types.hpp>
#include <coerce/persistence/options.hpp>
#include <coerce/persistence/persist_err.hpp>
#include <coerce/persistence/persistence.hpp>
#include <coerce/persistence/persistent_actor.hpp>
#include <coerce/persistence/policy.hpp>
#include <coerce/persistence/projection.hpp>
#include <coerce/persistence/redis.hpp>
#include <coerce/persistence/sqlite.hpp>
#include <coerce/persistence/storage_provider.hpp>
