/// \file
/// Everything that a program of local actors needs.

#pragma once

#include <coerce/actor/context.hpp>
#include <coerce/actor/dedicated_scheduler.hpp>
#include <coerce/actor/describe.hpp>
#include <coerce/actor/error.hpp>
#include <coerce/actor/events.hpp>
#include <coerce/actor/extension.hpp>
#include <coerce/actor/format.hpp>
#include <coerce/actor/id.hpp>
#include <coerce/actor/message.hpp>
#include <coerce/actor/options.hpp>
#include <coerce/actor/pipe.hpp>
#include <coerce/actor/ref.hpp>
#include <coerce/actor/run.hpp>
#include <coerce/actor/scheduled_notify.hpp>
#include <coerce/actor/shutdown.hpp>
#include <coerce/actor/stream.hpp>
#include <coerce/actor/supervision.hpp>
#include <coerce/actor/system.hpp>
#include <coerce/actor/task_context.hpp>
#include <coerce/actor/timeout.hpp>
#include <coerce/actor/timer.hpp>
#include <coerce/actor/watch.hpp>
#include <coerce/actor/worker.hpp>
#include <coerce/runtime/blocking.hpp>
#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>
