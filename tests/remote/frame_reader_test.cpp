#include "remote/frame_reader.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include <coerce/testkit/test_system.hpp>

namespace coerce::test::frame_reader_cases {
namespace {

using detail::Frame;
using detail::FrameHeader;
using detail::FrameKind;
using detail::FrameReader;
using detail::Reassembly;
namespace frame_flag = detail::frame_flag;

void append(Bytes& stream, FrameHeader header, BytesView payload) {
  header.length = static_cast<std::uint32_t>(payload.size());
  const std::size_t at = stream.size();
  stream.resize(at + detail::kFrameHeaderSize);
  detail::write_header(header, stream.data() + at);
  stream.insert(stream.end(), payload.begin(), payload.end());
}

std::string text_of_frame(const Frame& frame) {
  const FrameHeader& header = frame.header;
  return std::to_string(static_cast<int>(header.kind)) + "/" + std::to_string(header.flags) + "/" +
         std::to_string(header.type_id) + "/" + std::to_string(header.target_id) + "/" +
         std::to_string(header.request_id) + " " + std::string(text_of(frame.payload));
}

/// All kinds of sizes, in 8 frames.
Bytes some_stream() {
  Bytes stream;
  append(stream, {.kind = FrameKind::Ping}, {});
  append(stream, {.kind = FrameKind::NameActor, .target_id = 0xfedcba98}, bytes_of("ear"));
  append(stream, {.kind = FrameKind::Notify, .type_id = 0xabcd}, bytes_of("x"));
  append(stream,
         {.kind = FrameKind::Request,
          .flags = frame_flag::kExtensions,
          .request_id = 0x0123456789abcdef},
         bytes_of("twelve bytes"));
  append(stream, {.kind = FrameKind::Notify, .flags = frame_flag::kMore}, bytes_of("begin"));
  append(stream, {.kind = FrameKind::Pong}, bytes_of("between"));
  append(stream, {.kind = FrameKind::Notify}, bytes_of("end"));
  append(stream, {.kind = FrameKind::Goodbye}, {});
  return stream;
}

/// Puts pieces in until the reader has taken all of them; what came out.
class Feeding {
 public:
  std::vector<std::string> frames;
  bool broken = false;

  void feed(BytesView bytes) {
    while (!bytes.empty() && !broken) {
      const auto space = reader_.space();
      REQUIRE_FALSE(space.empty());
      const std::size_t count = std::min(space.size(), bytes.size());
      std::copy_n(bytes.begin(), count, space.begin());
      reader_.filled(count);
      bytes = bytes.subspan(count);
      drain();
    }
  }

 private:
  void drain() {
    for (Frame frame;;) {
      const auto found = reader_.next(frame);
      broken = found == FrameReader::Found::Broken;
      if (found != FrameReader::Found::Frame) return;
      frames.push_back(text_of_frame(frame));
    }
  }

  FrameReader reader_;
};

std::vector<std::string> read_whole(BytesView stream) {
  Feeding feeding;
  feeding.feed(stream);
  REQUIRE_FALSE(feeding.broken);
  return feeding.frames;
}

Frame chunk(FrameHeader header, BytesView payload) {
  header.length = static_cast<std::uint32_t>(payload.size());
  return {header, payload};
}

}  // namespace

TEST_CASE("a stream gives the same frames wherever it is cut", "[frames]") {
  const Bytes stream = some_stream();
  const auto expected = read_whole(stream);
  REQUIRE(expected.size() == 8);
  for (std::size_t first = 0; first <= stream.size(); ++first)
    for (std::size_t second = first; second <= stream.size(); ++second) {
      Feeding feeding;
      feeding.feed(BytesView(stream).first(first));
      feeding.feed(BytesView(stream).subspan(first, second - first));
      feeding.feed(BytesView(stream).subspan(second));
      REQUIRE_FALSE(feeding.broken);
      REQUIRE(feeding.frames == expected);
    }
  Feeding feeding;
  for (const std::uint8_t& byte : stream) feeding.feed({&byte, 1});
  CHECK(feeding.frames == expected);
}

TEST_CASE("frames of the largest size pass through the buffer in any pieces", "[frames]") {
  Bytes stream;
  const Bytes largest(detail::kMaxChunk, 'x');
  for (int i = 0; i < 20; ++i) {
    append(stream, {.kind = FrameKind::Notify},
           BytesView(largest).first(largest.size() - static_cast<std::size_t>(i)));
    append(stream, {.kind = FrameKind::Ping}, {});
  }
  const auto expected = read_whole(stream);
  REQUIRE(expected.size() == 40);
  testkit::TestSystem random;  // prints its seed when this fails
  auto& rng = random.system().scheduler().rng();
  Feeding feeding;
  for (BytesView left = stream; !left.empty();) {
    const std::size_t count = 1 + rng.below(std::min<std::size_t>(left.size(), 100'000));
    feeding.feed(left.first(count));
    left = left.subspan(count);
  }
  CHECK(feeding.frames == expected);
}

TEST_CASE("what is no frame is found out from its header alone", "[frames]") {
  const auto verdict = [](const FrameHeader& header) {
    FrameReader reader;
    const auto space = reader.space();
    detail::write_header(header, space.data());
    reader.filled(detail::kFrameHeaderSize);
    Frame frame;
    return reader.next(frame);
  };
  const auto longest = static_cast<std::uint32_t>(detail::kMaxChunk);
  CHECK(verdict({.length = longest, .kind = FrameKind::Notify}) == FrameReader::Found::Nothing);
  CHECK(verdict({.length = longest + 1, .kind = FrameKind::Notify}) == FrameReader::Found::Broken);
  CHECK(verdict({.length = ~std::uint32_t{0}, .kind = FrameKind::Ping}) ==
        FrameReader::Found::Broken);
  CHECK(verdict({.kind = FrameKind{0}}) == FrameReader::Found::Broken);
  CHECK(verdict({.kind = FrameKind{15}}) == FrameReader::Found::Broken);
  CHECK(verdict({.kind = FrameKind{255}}) == FrameReader::Found::Broken);
  for (int flag = 8; flag <= 128; flag *= 2)
    CHECK(verdict({.kind = FrameKind::Notify, .flags = static_cast<std::uint8_t>(flag)}) ==
          FrameReader::Found::Broken);
}

TEST_CASE("chunks are put together; those of another message, or too many, are refused",
          "[frames]") {
  const Bytes ten(10, 'x');
  const FrameHeader more{.kind = FrameKind::Request, .flags = frame_flag::kMore, .request_id = 7};
  const FrameHeader last{.kind = FrameKind::Request, .request_id = 7};
  Frame whole;
  SECTION("in order") {
    Reassembly lane;
    CHECK(lane.add(chunk(more, ten), 30, whole) == Reassembly::State::Partial);
    CHECK(lane.add(chunk(more, ten), 30, whole) == Reassembly::State::Partial);
    REQUIRE(lane.add(chunk(last, ten), 30, whole) == Reassembly::State::Whole);
    CHECK(whole.payload.size() == 30);
    CHECK(whole.header.length == 30);
    CHECK(whole.header.flags == 0);
    CHECK(whole.header.request_id == 7);
    CHECK(lane.add(chunk(last, ten), 30, whole) == Reassembly::State::Whole);
  }
  SECTION("beyond the limit") {
    Reassembly lane;
    CHECK(lane.add(chunk(more, ten), 19, whole) == Reassembly::State::Partial);
    CHECK(lane.add(chunk(last, ten), 19, whole) == Reassembly::State::Broken);
    Reassembly other;
    CHECK(other.add(chunk(last, ten), 9, whole) == Reassembly::State::Broken);
  }
  SECTION("empty ones, which would never end") {
    Reassembly lane;
    CHECK(lane.add(chunk(more, ten), 30, whole) == Reassembly::State::Partial);
    CHECK(lane.add(chunk(more, {}), 30, whole) == Reassembly::State::Broken);
  }
  SECTION("of another message") {
    for (const FrameHeader& other :
         {FrameHeader{.kind = FrameKind::Notify, .request_id = 7},
          FrameHeader{.kind = FrameKind::Request, .request_id = 8},
          FrameHeader{.kind = FrameKind::Request, .type_id = 1, .request_id = 7},
          FrameHeader{.kind = FrameKind::Request, .target_id = 1, .request_id = 7},
          FrameHeader{.kind = FrameKind::Request, .flags = frame_flag::kInline, .request_id = 7}}) {
      Reassembly lane;
      CHECK(lane.add(chunk(more, ten), 30, whole) == Reassembly::State::Partial);
      CHECK(lane.add(chunk(other, ten), 30, whole) == Reassembly::State::Broken);
    }
  }
}

}  // namespace coerce::test::frame_reader_cases
