#include "runtime/thread_pause.hpp"

#include <thread>

namespace coerce::detail {

void pause_thread(Duration duration) { std::this_thread::sleep_for(duration); }

}  // namespace coerce::detail
