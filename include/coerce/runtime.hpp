/// \file
/// The runtime without actors: tasks, scheduler, time.

#pragma once

#include <coerce/runtime/blocking.hpp>
#include <coerce/runtime/clock.hpp>
#include <coerce/runtime/group_worker.hpp>
#include <coerce/runtime/rng.hpp>
#include <coerce/runtime/scheduler.hpp>
#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/stop_token.hpp>
#include <coerce/runtime/task.hpp>
#include <coerce/runtime/when.hpp>
