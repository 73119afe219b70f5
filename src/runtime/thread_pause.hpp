/// \file
/// Waiting on a thread that may block.

#pragma once

#include <coerce/runtime/clock.hpp>

namespace coerce::detail {

/// Holds up the calling thread: one of the blocking pool's or of a GroupWorker, never a worker.
void pause_thread(Duration duration);

}  // namespace coerce::detail
