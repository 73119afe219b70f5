#include "remote/parts.hpp"

#include "remote/core.hpp"

namespace coerce::detail {

void attach_parts(RemoteCore&) {}

}  // namespace coerce::detail
