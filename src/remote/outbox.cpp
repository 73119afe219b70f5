#include "remote/outbox.hpp"

#include <mutex>

namespace coerce::detail {

namespace {

constexpr std::size_t kSlice = kMaxChunk + kFrameHeaderSize;
constexpr std::size_t kKeptMemory = 2u << 20;  // of an empty lane

std::size_t size_of(std::span<const BytesView> parts) noexcept {
  std::size_t total = 0;
  for (const BytesView part : parts) total += part.size();
  return total;
}

/// A name that a cell remembers: valid for one link.
constexpr std::uint64_t remember(std::uint32_t link, std::uint32_t name) noexcept {
  return (std::uint64_t{link} << 32) | name;
}

}  // namespace

/// Holds the lock; wakes the writer afterwards if there is something for it.
class Outbox::Holding {
 public:
  explicit Holding(Outbox& outbox) noexcept : outbox_(outbox) { outbox_.lock_.lock(); }
  Holding(const Holding&) = delete;
  Holding& operator=(const Holding&) = delete;
  ~Holding() {
    outbox_.lock_.unlock();
    if (writer_ != nullptr) writer_->wake();
  }
  void wake_writer() noexcept { writer_ = std::exchange(outbox_.waiting_, nullptr); }

 private:
  Outbox& outbox_;
  WakeNode* writer_ = nullptr;
};

std::uint32_t Outbox::open(std::size_t max_frame, std::size_t handlers) {
  const std::lock_guard guard(lock_);
  max_frame_ = max_frame;
  messages_of_link_ = 0;
  names_.reset(handlers);
  link_.store(link() + 1, std::memory_order_release);
  state_.store(State::Open, std::memory_order_release);
  return link();
}

Unsent Outbox::close(Writing& writing) noexcept {
  Unsent unsent;
  Holding holding(*this);
  state_.store(State::Closed, std::memory_order_release);
  unsent.inside_message = writing.begun.inside_message;
  unsent.frames.append(writing.user.view().subspan(writing.begun.at));
  unsent.frames.append(user_.view());
  unsent.names.emplace(std::exchange(names_, OutNames(options_.max_names)));
  user_.clear(kKeptMemory);
  control_.clear(0);
  ends_.clear();
  queued_ = control_queued_ = 0;
  congested_ = poked_ = false;
  holding.wake_writer();
  return unsent;
}

bool Outbox::is_up(std::uint32_t number) const noexcept {
  return number == link() && (state_ == State::Open || state_ == State::Draining);
}

std::optional<std::uint32_t> Outbox::number_of(ForeignCell& target) {
  const std::uint64_t known = target.wire_name.load(std::memory_order_relaxed);
  if (known >> 32 == link()) [[likely]]
    return static_cast<std::uint32_t>(known);
  const auto given = names_.actor(target.id_view());
  if (!given) return std::nullopt;
  if (given->is_new) {
    const BytesView name[] = {bytes_view(target.id_view())};
    append({.kind = FrameKind::NameActor, .target_id = given->id}, name);
  }
  target.wire_name.store(remember(link(), given->id), std::memory_order_relaxed);
  return given->id;
}

Queued Outbox::push_message(std::uint32_t number, const OutgoingMessage& message) {
  Holding holding(*this);
  if (number != link() || state_ != State::Open) return Queued::NoLink;
  if (congested_ || queued_ >= options_.high_water) {
    congested_ = true;
    return Queued::Full;
  }
  FrameHeader header{.kind = message.request != 0 ? FrameKind::Request : FrameKind::Notify,
                     .request_id = message.request};
  if (!message.extensions.empty()) header.flags = frame_flag::kExtensions;
  Bytes inline_names;
  const std::size_t size = message.extensions.size() + message.payload.size();
  if (size > max_frame_) return Queued::TooLarge;
  if (const auto target = number_of(message.target)) [[likely]] {
    header.target_id = *target;
    header.type_id = static_cast<std::uint16_t>(message.handler.index);
    if (names_.introduce(message.handler)) {
      const BytesView name[] = {bytes_view(message.handler.name)};
      append({.kind = FrameKind::NameType, .type_id = header.type_id}, name);
    }
  } else {
    header.flags |= frame_flag::kInline;
    const InlineNames names{message.target.id_view(), message.handler.name};
    inline_names.resize(inline_size(names));
    if (size + inline_names.size() > max_frame_) return Queued::TooLarge;
    write_inline_names(names, inline_names.data());
  }
  const BytesView parts[] = {message.extensions, inline_names, message.payload};
  append(header, parts);
  ++messages_;
  ++messages_of_link_;
  holding.wake_writer();
  return Queued::Taken;
}

Queued Outbox::push_reply(std::uint32_t number, FrameKind kind, std::uint64_t request,
                          BytesView payload) {
  Holding holding(*this);
  if (!is_up(number)) return Queued::NoLink;
  if (payload.size() > max_frame_) return Queued::TooLarge;
  // An error is short, and there are no more of them than requests of the peer.
  if (kind != FrameKind::Error && queued_ >= kReplyRoom * options_.high_water) return Queued::Full;
  const BytesView parts[] = {payload};
  append({.kind = kind, .request_id = request}, parts);
  holding.wake_writer();
  return Queued::Taken;
}

Queued Outbox::push_control(std::uint32_t number, FrameHeader header, BytesView payload,
                            Importance importance) {
  Holding holding(*this);
  const bool is_vital = importance == Importance::Vital;
  if (!is_up(number) && !(is_vital && number == link() && state_ == State::Sealed))
    return Queued::NoLink;
  if (payload.size() > max_frame_) return Queued::TooLarge;
  const std::size_t room = options_.control_reserve * (is_vital ? 2 : 1);
  if (control_queued_ >= room) return Queued::Full;
  const BytesView parts[] = {payload};
  const std::size_t before = control_.size();
  append_chunks(header, parts, payload.size(), control_);
  control_queued_ += control_.size() - before;
  holding.wake_writer();
  return Queued::Taken;
}

void Outbox::append(FrameHeader header, std::span<const BytesView> parts) {
  const std::size_t before = user_.size();
  append_chunks(header, parts, size_of(parts), user_);
  queued_ += user_.size() - before;
}

void Outbox::append_chunks(FrameHeader header, std::span<const BytesView> parts, std::size_t total,
                           Gathered& lane) {
  if (total <= kMaxChunk) [[likely]] {
    if (&lane == &user_) begin_frame(kFrameHeaderSize + total, false);
    header.length = static_cast<std::uint32_t>(total);
    put(header, parts, lane);
    return;
  }
  std::size_t part = 0;  // what has to be written next
  std::size_t at = 0;
  bool inside = false;
  while (total > 0) {
    const std::size_t chunk = std::min(total, kMaxChunk);
    total -= chunk;
    header.length = static_cast<std::uint32_t>(chunk);
    header.flags = static_cast<std::uint8_t>(total > 0 ? header.flags | frame_flag::kMore
                                                       : header.flags & ~frame_flag::kMore);
    if (&lane == &user_) begin_frame(kFrameHeaderSize + chunk, inside);
    inside = true;
    put(header, {}, lane);
    for (std::size_t left = chunk; left > 0;) {
      const std::size_t count = std::min(left, parts[part].size() - at);
      lane.append(parts[part].subspan(at, count));
      left -= count;
      at += count;
      if (at < parts[part].size()) continue;
      ++part;
      at = 0;
    }
  }
}

void Outbox::begin_frame(std::size_t size, bool inside_message) {
  const std::size_t begin = ends_.empty() ? 0 : ends_.back().at;
  if (user_.size() > begin && user_.size() - begin + size > kSlice)
    ends_.push_back({user_.size(), inside_message});
}

void Outbox::put(FrameHeader header, std::span<const BytesView> parts, Gathered& lane) {
  std::uint8_t* out = lane.extend(kFrameHeaderSize + size_of(parts));
  write_header(header, out);
  out += kFrameHeaderSize;
  for (const BytesView part : parts) {
    if (part.empty()) continue;
    std::memcpy(out, part.data(), part.size());
    out += part.size();
  }
  ++frames_;
}

BytesView Outbox::take(std::uint32_t number, Writing& writing) noexcept {
  const std::lock_guard guard(lock_);
  if (number != link() || state_ == State::Closed) return {};
  queued_ -= std::exchange(writing.in_flight, 0);
  control_queued_ -= std::exchange(writing.control_in_flight, 0);
  if (queued_ <= options_.low_water) congested_ = false;
  poked_ = false;
  if (!control_.empty()) {
    writing.control.clear(kKeptMemory);
    std::swap(writing.control, control_);
    writing.control_in_flight = writing.control.size();
    return writing.control.view();
  }
  if (writing.next_end == writing.ends.size()) {
    if (user_.empty()) {
      writing.ends.clear();
      writing.next_end = 0;
      writing.begun = {writing.user.size(), false};
      return {};
    }
    ends_.push_back({user_.size(), false});
    writing.user.clear(kKeptMemory);
    writing.ends.clear();
    std::swap(writing.user, user_);
    std::swap(writing.ends, ends_);
    writing.next_end = 0;
    writing.begun = {0, false};
  }
  const SliceEnd end = writing.ends[writing.next_end++];
  const std::size_t begin = std::exchange(writing.begun, end).at;
  writing.in_flight = end.at - begin;
  return writing.user.view().subspan(begin, end.at - begin);
}

bool Outbox::seal(std::uint32_t number, const Writing& writing, FrameHeader header,
                  BytesView payload) {
  const std::lock_guard guard(lock_);
  if (number != link() || state_ != State::Draining) return false;
  if (!user_.empty() || !control_.empty() || writing.next_end != writing.ends.size()) return false;
  const BytesView parts[] = {payload};
  header.length = static_cast<std::uint32_t>(payload.size());
  put(header, parts, control_);
  control_queued_ += control_.size();
  state_.store(State::Sealed, std::memory_order_release);
  return true;
}

void Outbox::drain(std::uint32_t number) noexcept {
  Holding holding(*this);
  if (number != link() || state_ != State::Open) return;
  state_.store(State::Draining, std::memory_order_release);
  poked_ = true;
  holding.wake_writer();
}

void Outbox::poke(std::uint32_t number) noexcept {
  Holding holding(*this);
  if (number != link()) return;
  poked_ = true;
  holding.wake_writer();
}

bool Outbox::wait(Work& waiter, CancelScope& scope) noexcept {
  if (scope.requested()) {
    waiter.there_is_ = false;
    return false;
  }
  const std::lock_guard guard(lock_);
  waiter.there_is_ = waiter.link_ == link() && state_ != State::Closed;
  if (!waiter.there_is_ || poked_ || !user_.empty() || !control_.empty()) return false;
  waiting_ = &waiter;
  scope.add(waiter);
  return true;
}

bool Outbox::remove(Work& waiter) noexcept {
  const std::lock_guard guard(lock_);
  if (waiting_ != &waiter) return false;
  waiting_ = nullptr;
  return true;
}

void Outbox::Work::cancelled(CancelNode& node) noexcept {
  auto& self = static_cast<Work&>(node);
  if (!self.outbox_->remove(self)) return;  // the wake-up is on its way
  self.there_is_ = false;
  self.wake();
}

Outbox::Counts Outbox::counts() const noexcept {
  const std::lock_guard guard(lock_);
  return {messages_, messages_of_link_, frames_, queued_ + control_queued_};
}

void Outbox::uncount_frames(std::uint64_t unsent) noexcept {
  const std::lock_guard guard(lock_);
  frames_ -= unsent;
}

}  // namespace coerce::detail
