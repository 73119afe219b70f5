#include <coerce/codec/detail/json_shape.hpp>

#include <fmt/format.h>

#include <vector>

#include <coerce/codec/detail/wire.hpp>

namespace coerce::detail {

namespace {

/// The index after the string that begins at `begin`.
std::size_t end_of_string(std::string_view text, std::size_t begin) {
  for (std::size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      return i + 1;
  }
  return text.size();
}

}  // namespace

Result<void> check_json_shape(BytesView bytes, const CodecLimits& limits) {
  if (bytes.size() > limits.max_bytes)
    return unexpected(too_many_bytes(bytes.size(), limits.max_bytes));

  const std::string_view text = text_of(bytes);
  std::vector<std::size_t> commas;  // of each open container
  for (std::size_t i = 0; i < text.size();) {
    switch (text[i]) {
      case '"':
        i = end_of_string(text, i);
        continue;
      case '[':
      case '{':
        if (commas.size() >= limits.max_depth) return unexpected(too_deep());
        commas.push_back(0);
        break;
      case ']':
      case '}':
        if (!commas.empty()) commas.pop_back();
        break;
      case ',':
        if (!commas.empty() && ++commas.back() >= limits.max_elements)
          return unexpected(malformed(fmt::format(
              "a container has more elements than the limit of {}", limits.max_elements)));
        break;
      default:
        break;
    }
    ++i;
  }
  return {};
}

}  // namespace coerce::detail
