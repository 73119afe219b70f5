#include "remote/lane.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include <coerce/testkit/test_system.hpp>

#include "remote/frame_reader.hpp"

namespace coerce::test::lane_cases {
namespace {

using detail::Frame;
using detail::FrameHeader;
using detail::FrameKind;
using detail::Lane;
using detail::PreparedMessage;
using detail::Reassembly;
using detail::Slice;

/// As the outbox does it.
void append(Lane& lane, std::uint64_t number, BytesView payload) {
  const FrameHeader header{.kind = FrameKind::Request, .request_id = number};
  const BytesView parts[] = {
      payload.first(payload.size() / 3), {}, payload.subspan(payload.size() / 3)};
  if (payload.size() <= Lane::kLongestCopied)
    lane.append(header, parts);
  else
    lane.append(PreparedMessage(header, parts));
}

Bytes message(std::uint64_t number, std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(number + i * 31);
  return bytes;
}

/// Reads the messages of a slice; each has to be the next one, and as it was put in.
struct Reading {
  Reassembly reassembly{};
  std::uint64_t next = 0;

  void read(const Slice& slice, const std::vector<std::size_t>& sizes) {
    bool begins = !slice.inside_message;
    for (BytesView left = slice.bytes.view(); !left.empty(); begins = true) {
      Frame frame;
      frame.header = detail::read_header(left.data());
      frame.payload = left.subspan(detail::kFrameHeaderSize, frame.header.length);
      left = left.subspan(detail::kFrameHeaderSize + frame.header.length);
      REQUIRE(begins == !inside);
      Frame whole;
      const auto state = reassembly.add(frame, SIZE_MAX, whole);
      REQUIRE(state != Reassembly::State::Broken);
      inside = state == Reassembly::State::Partial;
      if (inside) {
        REQUIRE(left.empty());
        continue;
      }
      REQUIRE(whole.header.request_id == next);
      REQUIRE(Bytes(whole.payload.begin(), whole.payload.end()) == message(next, sizes[next]));
      ++next;
    }
  }
  bool inside = false;
};

}  // namespace

TEST_CASE("a lane gives back what was put in, in order, slice by slice", "[lane]") {
  testkit::TestSystem random;  // prints its seed when this fails
  auto& rng = random.system().scheduler().rng();
  constexpr std::size_t kSizes[] = {0,      1,       100,     Lane::kLongestCopied,
                                    20'481, 65'536,  65'537,  131'072,
                                    30'000, 200'000, 400'000, 64};
  Lane lane;
  Slice slice;
  Reading reading;
  std::vector<std::size_t> sizes;
  std::size_t bytes = 0;
  const auto take = [&] {
    const std::size_t before = lane.size();
    lane.take(slice);
    REQUIRE(slice.bytes.size() <= detail::kMaxChunk + detail::kFrameHeaderSize);
    REQUIRE(lane.size() == before - slice.bytes.size());
    reading.read(slice, sizes);
    bytes += slice.bytes.size();
  };
  for (int i = 0; i < 2'000; ++i) {
    if (rng.below(3) != 0) {
      const std::size_t size = kSizes[rng.below(std::size(kSizes))];
      append(lane, sizes.size(), message(sizes.size(), size));
      sizes.push_back(size);
    } else if (!lane.empty()) {
      take();
    }
  }
  while (!lane.empty()) take();
  CHECK(reading.next == sizes.size());
  lane.take(slice);
  CHECK(slice.bytes.empty());
}

TEST_CASE("short messages share a slice, a long one shares none", "[lane]") {
  Lane lane;
  Slice slice;
  for (std::uint64_t i = 0; i < 10; ++i) append(lane, i, message(i, 100));
  append(lane, 10, message(10, 70'000));
  append(lane, 11, message(11, 100));
  std::vector<std::size_t> sizes;
  std::vector<bool> inside;
  while (!lane.empty()) {
    lane.take(slice);
    sizes.push_back(slice.bytes.size());
    inside.push_back(slice.inside_message);
  }
  const std::size_t header = detail::kFrameHeaderSize;
  CHECK(sizes == std::vector<std::size_t>{10 * (header + 100), header + 65'536,
                                          header + 70'000 - 65'536, header + 100});
  CHECK(inside == std::vector<bool>{false, false, true, false});
}

}  // namespace coerce::test::lane_cases
