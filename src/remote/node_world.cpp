#include "remote/node_world.hpp"

#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>

namespace coerce::detail {

Task<bool> pause_unless(AsyncEvent& ends, Duration wait) {
  if (ends.is_set()) co_return false;
  auto first = co_await when_any(sleep_for(wait), ends.wait());
  co_return first.index() == 0 && std::get<0>(first);
}

std::string printable(std::string_view text, std::size_t limit) {
  std::string line(text.substr(0, limit));
  for (char& c : line)
    if (c < ' ' || c >= '\x7f') c = '?';
  if (text.size() > limit) line += "…";
  return line;
}

}  // namespace coerce::detail
