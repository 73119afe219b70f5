#include <coerce/codec/limits.hpp>

#include <catch2/catch.hpp>

#include <limits>
#include <memory>

#include <coerce/codec/codec.hpp>

#include "codec/support.hpp"

namespace {

using namespace coerce;
using namespace codec_tests;

/// A recursive type, whose depth only the bytes know.
struct Tree {
  std::vector<Tree> children{};
};

struct Unlimited {};

std::size_t most_allocated = 0;

/// Remembers the greatest single allocation.
template <class T>
struct Counting {
  using value_type = T;
  Counting() = default;
  template <class U>
  Counting(const Counting<U>&) {}
  T* allocate(std::size_t n) {
    most_allocated = std::max(most_allocated, n * sizeof(T));
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* p, std::size_t n) { std::allocator<T>().deallocate(p, n); }
  friend bool operator==(const Counting&, const Counting&) { return true; }
};

Tree chain(std::size_t depth) {
  Tree tree;
  if (depth > 0) tree.children.push_back(chain(depth - 1));
  return tree;
}

enum Loose { kFirst = 3, kLast = 5 };
enum Unfixed { kSomething };
enum class Switch : bool { Off, On };

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

template <>
struct coerce::Codec<Unlimited> {
  static Result<void> encode(const Unlimited&, Bytes&) { return {}; }
  static Result<Unlimited> decode(BytesView) { return Unlimited(); }
};

template <>
inline constexpr coerce::EnumRange coerce::enum_range<Loose>{kFirst, kLast};

TEST_CASE("no value of more bytes than the limit is decoded", "[codec]") {
  const Bytes ten = encoded(std::string(9, 'x'));
  REQUIRE(Codec<std::string>::decode(ten, {.max_bytes = 10}));
  refuses<std::string>(ten, "10 bytes, more than the limit of 9", {.max_bytes = 9});
  // By default 4 MiB.
  const Bytes most = encoded(std::string((4u << 20) - 4, 'x'));
  REQUIRE(most.size() == 4u << 20);
  REQUIRE(Codec<std::string>::decode(most));
  refuses<std::string>(encoded(std::string(4u << 20, 'x')), "more than the limit of 4194304");
  // Also by codecs that know of no limits.
  refuses<Unlimited>(Bytes(11), "11 bytes, more than the limit of 10", {.max_bytes = 10});
}

TEST_CASE("no container of more elements than the limit is decoded", "[codec]") {
  const Bytes three = encoded(std::vector<std::uint16_t>{1, 2, 3});
  REQUIRE(Codec<std::vector<std::uint16_t>>::decode(three, {.max_elements = 3}));
  refuses<std::vector<std::uint16_t>>(three, "3 elements, more than the limit of 2",
                                      {.max_elements = 2});
  refuses<std::map<int, int>>(encoded(std::map<int, int>{{1, 1}, {2, 2}}),
                              "2 elements, more than the limit of 1", {.max_elements = 1});
  // By default 1 Mi.
  REQUIRE(Codec<Bytes>::decode(encoded(Bytes(1u << 20))));
  refuses<Bytes>(encoded(Bytes((1u << 20) + 1)), "more than the limit of 1048576");
}

TEST_CASE("nothing nested deeper than the limit is decoded", "[codec]") {
  REQUIRE(Codec<std::vector<std::vector<bool>>>::decode(
      encoded(std::vector<std::vector<bool>>{{true}}), {.max_depth = 2}));
  refuses<std::vector<std::vector<bool>>>(encoded(std::vector<std::vector<bool>>{{true}}),
                                          "nested deeper than the limit", {.max_depth = 1});
  // Numbers are no deeper than the array or vector that holds them.
  REQUIRE(Codec<std::vector<double>>::decode(encoded(std::vector{0.5, 1.5}), {.max_depth = 0}));
  REQUIRE(Codec<std::array<int, 2>>::decode(encoded(std::array{1, -1}), {.max_depth = 0}));
  // By default 64, and counted through the codecs of own types.
  REQUIRE(Codec<Tree>::decode(encoded(chain(64))));
  const auto deeper = encode_message(chain(65), 65);
  REQUIRE(deeper);
  refuses<Tree>(*deeper, "nested deeper than the limit");
  REQUIRE(Codec<Tree>::decode(*deeper, {.max_depth = 65}));
}

TEST_CASE("nothing is encoded that is nested too deep to be decoded", "[codec]") {
  const auto refused = [](const auto& value, std::size_t max_depth) {
    const auto bytes = encode_message(value, max_depth);
    return !bytes && bytes.error() == ActorRefErr::Serialisation("nested deeper than the limit");
  };
  // By default 64, and counted through the codecs of own types, which are not asked for a limit.
  Bytes out = bytes({1});
  const auto done = Codec<Tree>::encode(chain(65), out);
  REQUIRE_FALSE(done);
  CHECK(done.error() == ActorRefErr::Serialisation("nested deeper than the limit"));
  CHECK(out == bytes({1}));
  CHECK(refused(chain(65), 64));
  CHECK(refused(chain(1'000), 64));
  CHECK(refused(std::vector<Tree>{chain(64)}, 64));  // each is deep enough to be one alone
  // Neither a refusal nor a limit leaves anything behind.
  REQUIRE(encode_message(chain(64)));
  REQUIRE(encode_message(chain(70), 70));
  CHECK(refused(chain(65), 64));

  // What is encoded under a limit is decoded under it, and the other way round.
  const std::map<int, std::optional<std::vector<bool>>> value{{1, std::vector<bool>{true}}};
  using Value = std::remove_const_t<decltype(value)>;
  for (std::size_t depth = 0; depth < 6; ++depth) {
    const auto bytes = encode_message(value, depth);
    CHECK(bytes.has_value() ==
          decode_message<Value>(encoded(value), {.max_depth = depth}).has_value());
    CHECK(bytes.has_value() == (depth >= 3));
  }
}

TEST_CASE("two keys of the same bytes are refused where they are encoded", "[codec]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::unordered_set<float> twice{nan, nan};
  REQUIRE(twice.size() == 2);
  const auto bytes = encode_message(twice);
  REQUIRE_FALSE(bytes);
  CHECK(bytes.error() == ActorRefErr::Serialisation("two keys have the same bytes"));
  REQUIRE(decode_message<std::unordered_set<float>>(encoded(std::unordered_set<float>{nan, 1})));
}

TEST_CASE("what a count promises is not allocated before it is there", "[codec]") {
  most_allocated = 0;
  const Bytes promised = bytes({0x80, 0x80, 0x40, 1, 2, 3, 4, 5, 6, 7, 8, 9});  // 1 Mi elements
  refuses<std::vector<std::uint64_t, Counting<std::uint64_t>>>(promised,
                                                               "greater than what follows");
  refuses<std::vector<char, Counting<char>>>(promised, "greater than what follows");
  using Entries = std::map<int, int, std::less<>, Counting<std::pair<const int, int>>>;
  refuses<Entries>(promised, "greater than what follows");
  CHECK(most_allocated == 0);

  // A thousand bytes are there, each of which could be an element, and the first is wrong.
  Bytes wrong(1002, 0xff);
  wrong[0] = 0xe8;
  wrong[1] = 0x07;
  using Texts = std::vector<std::string, Counting<std::string>>;
  refuses<Texts>(wrong, "");
  CHECK(most_allocated == 0);

  // As many as there are bytes: a vector grows by doubling.
  Bytes right(1002, 0);
  right[0] = 0xe8;
  right[1] = 0x07;
  REQUIRE(Codec<Texts>::decode(right));
  CHECK(most_allocated <= 2 * 1002 * sizeof(std::string));
}

TEST_CASE("numbers have their shortest form", "[codec]") {
  refuses<std::string>(bytes({0x80, 0x00}), "longer than it need be");
  refuses<std::string>(bytes({0x81, 0x80, 0x00, 'x'}), "longer than it need be");
  refuses<std::string>(bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}),
                       "greater than what follows");
  refuses<std::string>(bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}),
                       "more than 64 bits");
  refuses<std::string>(bytes({0x80}), "end too early");
  refuses<std::string>({}, "end too early");
}

TEST_CASE("values that cannot be are refused", "[codec]") {
  refuses<bool>(bytes({2}), "neither 0 nor 1");
  refuses<std::optional<bool>>(bytes({3, 1}), "neither 0 nor 1");
  refuses<std::vector<bool>>(bytes({1, 255}), "neither 0 nor 1");
  refuses<Switch>(bytes({2}), "neither 0 nor 1");
  refuses<std::variant<bool, int>>(bytes({2, 0, 0, 0, 0}), "no such alternative");
  refuses<int>(bytes({1, 2, 3}), "end too early");
  refuses<int>(bytes({1, 2, 3, 4, 5}), "1 bytes are left over");
  refuses<ActorId>(encoded(std::string((64u << 10) + 1, 'x')), "longer than 64 KiB");
  REQUIRE(Codec<ActorId>::decode(encoded(std::string(64u << 10, 'x'))));

  using Numbers = std::map<std::uint8_t, bool>;
  refuses<Numbers>(bytes({2, 5, 0, 4, 0}), "not in their order");
  refuses<Numbers>(bytes({2, 5, 0, 5, 0}), "not in their order");
  // Two encodings of the key that is zero.
  using Zeros = std::set<float>;
  refuses<Zeros>(bytes({2, 0, 0, 0, 0, 0, 0, 0, 0x80}), "stands there twice");
}

TEST_CASE("an enumeration is held to its range", "[codec]") {
  static_assert(!Transmittable<Unfixed>);
  REQUIRE(Codec<Loose>::decode(bytes({5, 0, 0, 0})));
  refuses<Loose>(bytes({2, 0, 0, 0}), "out of its range");
  refuses<Loose>(bytes({6, 0, 0, 0}), "out of its range");
  Bytes out = bytes({9});
  REQUIRE_FALSE(Codec<Loose>::encode(static_cast<Loose>(7), out));
  REQUIRE(out == bytes({9}));
  refuses<ActorRefErr>(bytes({19, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), "out of its range");
}
