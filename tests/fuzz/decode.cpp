// The first byte chooses a type, the others are decoded as one. Whatever they are, decoding must
// end well; a value of the built-in format that is decoded must encode to the very same bytes.

#include <coerce/codec/codec.hpp>

#include <algorithm>
#include <cstdint>

#include <google/protobuf/stubs/logging.h>

#include <coerce/codec/json.hpp>
#include <coerce/codec/protobuf.hpp>
#include <coerce/codec/type_table.hpp>

#include "demand.hpp"
#include "messages.pb.h"

namespace {

using namespace coerce;
using fuzz::demand;

struct Tree {
  std::vector<Tree> children{};
};

}  // namespace

template <>
struct coerce::Codec<Tree> {
  static Result<void> encode(const Tree& tree, Bytes& out) {
    return Codec<std::vector<Tree>>::encode(tree.children, out);
  }
  static Result<Tree> decode(BytesView bytes, CodecLimits limits = {}) {
    auto children = Codec<std::vector<Tree>>::decode(bytes, limits);
    if (!children) return unexpected(std::move(children).error());
    return Tree{std::move(*children)};
  }
};

namespace {

enum class Format { Canonical, Loose };

/// What is decoded can be encoded; canonical bytes are the only ones of their value.
template <class T, Format format = Format::Canonical>
void try_to_decode(BytesView bytes) {
  const CodecLimits limits{.max_bytes = 1u << 16, .max_elements = 1u << 10, .max_depth = 16};
  const auto value = decode_message<T>(bytes, limits);
  if (!value) {
    demand(value.error().kind() == ActorRefErr::Kind::Deserialisation, "another kind of error");
    return;
  }
  const auto again = encode_message(*value);
  demand(again.has_value(), "what was decoded cannot be encoded");
  if constexpr (format == Format::Canonical)
    demand(std::equal(again->begin(), again->end(), bytes.begin(), bytes.end()),
           "two encodings of one value");
}

struct Sink {
  using Answer = void;
  void accept(const std::string&) {}
};

void try_type_table(BytesView bytes) {
  static const auto types = [] {
    TypeTable<Sink> table;
    table.type<std::string>("Text").upgrade<std::vector<std::int32_t>>(
        "Numbers",
        [](const std::vector<std::int32_t>& numbers) { return std::to_string(numbers.size()); });
    return table;
  }();
  const std::size_t name = bytes.empty() ? 0 : std::min<std::size_t>(bytes[0], bytes.size() - 1);
  Sink sink;
  if (bytes.empty()) return;
  (void)types.decode(text_of(bytes.subspan(1, name)), bytes.subspan(1 + name), sink);
}

using Numbers = std::tuple<std::int8_t, std::uint16_t, std::int32_t, std::uint64_t, bool, double>;
using Maps = std::unordered_map<std::string, std::map<std::uint16_t, std::set<std::string>>>;
using Mixed = std::vector<std::variant<std::monostate, std::string, Bytes, std::optional<bool>,
                                       std::pair<ActorId, std::chrono::nanoseconds>>>;

constexpr void (*kTries[])(BytesView) = {
    &try_to_decode<Numbers>,
    &try_to_decode<std::string>,
    &try_to_decode<Maps>,
    &try_to_decode<Mixed>,
    &try_to_decode<Tree>,
    &try_to_decode<ActorRefErr>,
    &try_to_decode<nlohmann::json, Format::Loose>,
    &try_to_decode<codec_tests::Transfer, Format::Loose>,
    &try_to_decode<codec_tests::Nested, Format::Loose>,
    &try_type_table,
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Protobuf prints a line for each text that is not UTF-8.
  static const auto silenced = google::protobuf::SetLogHandler(nullptr);
  (void)silenced;
  if (size == 0) return 0;
  kTries[data[0] % std::size(kTries)](BytesView(data + 1, size - 1));
  return 0;
}
