// A stream of a link: cut into frames, put together to messages, and read as far as that needs no
// node. However the stream is cut into pieces, the same must come out.

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

#include "demand.hpp"
#include "remote/deadlines.hpp"
#include "remote/frame_reader.hpp"
#include "remote/names.hpp"

namespace {

using namespace coerce;
using namespace coerce::detail;
using fuzz::demand;

constexpr std::size_t kMaxMessage = 100'000;

/// What a message was found to be.
using Seen = std::tuple<FrameKind, std::uint8_t, std::size_t, std::uint64_t>;

class Link {
 public:
  void read(BytesView stream, std::size_t piece) {
    while (!broken && !stream.empty()) {
      const auto space = frames_.space();
      demand(!space.empty(), "there is no room to read into");
      const std::size_t count = std::min({piece, stream.size(), space.size()});
      std::copy_n(stream.begin(), count, space.begin());
      frames_.filled(count);
      stream = stream.subspan(count);
      cut();
    }
  }

  std::vector<Seen> seen;
  bool broken = false;

 private:
  void cut() {
    Frame frame;
    for (;;) {
      const auto found = frames_.next(frame);
      if (found == FrameReader::Found::Nothing) return;
      if (found == FrameReader::Found::Broken) break;
      demand(frame.payload.size() == frame.header.length && frame.payload.size() <= kMaxChunk,
             "a frame is longer than frames may be");
      Frame whole;
      auto& lane = is_control(frame.header.kind) || is_hello(frame.header.kind) ? control_ : user_;
      const auto state = lane.add(frame, kMaxMessage, whole);
      if (state == Reassembly::State::Partial) continue;
      if (state == Reassembly::State::Broken || !take(whole)) break;
    }
    broken = true;
  }

  bool take(const Frame& whole) {
    demand(whole.payload.size() <= kMaxMessage, "a message is longer than messages may be");
    seen.emplace_back(whole.header.kind, whole.header.flags, whole.payload.size(),
                      whole.header.request_id);
    BytesView payload = whole.payload;
    switch (whole.header.kind) {
      case FrameKind::NameActor:
        return names_.add_actor(whole.header.target_id, payload);
      case FrameKind::NameType:
        return names_.add_type(whole.header.type_id, payload, handlers_, from_);
      case FrameKind::Notify:
      case FrameKind::Request:
        return take_message(whole.header, payload);
      default:
        return true;
    }
  }

  bool take_message(const FrameHeader& header, BytesView payload) {
    if ((header.flags & frame_flag::kExtensions) != 0 && !read_extensions(payload)) return false;
    if ((header.flags & frame_flag::kInline) != 0) {
      const auto names = read_inline_names(payload);
      if (!names) return false;
      std::vector<std::uint8_t> again(inline_size(*names));
      write_inline_names(*names, again.data());
      demand(std::equal(again.begin(), again.end(), payload.data() - again.size()),
             "two texts of one pair of names");
      return true;
    }
    const auto* target = names_.target(header.target_id);
    const auto* type = names_.type(header.type_id);
    demand(target == nullptr || target->id.view().size() <= kMaxInternedName, "too long a name");
    return target != nullptr && type != nullptr;
  }

  FrameReader frames_;
  Reassembly user_, control_;
  InNames names_;
  RemoteHandlers handlers_;
  NodeDescription from_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const BytesView stream(data + 1, size - 1);
  Link at_once, in_pieces;
  at_once.read(stream, SIZE_MAX);
  in_pieces.read(stream, std::size_t{data[0]} + 1);
  demand(at_once.broken == in_pieces.broken && at_once.seen == in_pieces.seen,
         "what comes out depends on the pieces");
  return 0;
}
