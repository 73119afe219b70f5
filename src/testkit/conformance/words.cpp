#include "testkit/conformance/words.hpp"

#include <fmt/format.h>

namespace coerce::testkit::conformance::detail {

std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 24;
  std::string made;
  for (const char c : text.substr(0, kMost))
    made += c >= ' ' && c <= '~' ? std::string(1, c)
                                 : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return text.size() > kMost ? made + fmt::format("...({} bytes)", text.size()) : made;
}

}  // namespace coerce::testkit::conformance::detail
