#include "remote/outbox.hpp"

#include <mutex>

namespace coerce::detail {

namespace {

/// What is too long to be copied under the lock.
std::optional<PreparedMessage> prepare_if_long(const FrameHeader& header, Parts parts) {
  if (size_of(parts) <= Lane::kLongestCopied) [[likely]]
    return std::nullopt;
  return PreparedMessage(header, parts);
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
  [[gnu::always_inline]] ~Holding() {
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
  overrun_.store(false, std::memory_order_release);
  names_.reset(handlers);
  link_.store(link() + 1, std::memory_order_release);
  state_.store(State::Open, std::memory_order_release);
  return link();
}

Unsent Outbox::close() noexcept {
  Unsent unsent;
  Holding holding(*this);
  state_.store(State::Closed, std::memory_order_release);
  unsent.frames = std::exchange(user_, Lane());
  unsent.names.emplace(std::exchange(names_, OutNames(options_.max_names)));
  control_.clear();
  in_flight_ = control_in_flight_ = 0;
  congested_ = poked_ = false;
  holding.wake_writer();
  return unsent;
}

bool Outbox::is_up(std::uint32_t number) const noexcept {
  return number == link() && (state_ == State::Open || state_ == State::Draining);
}

[[gnu::always_inline]] inline std::uint32_t Outbox::number_of(ForeignCell& target) {
  const std::uint64_t known = target.wire_name.load(std::memory_order_relaxed);
  if (known >> 32 == link()) [[likely]]
    return static_cast<std::uint32_t>(known);
  return give_number(target);
}

[[gnu::noinline]] std::uint32_t Outbox::give_number(ForeignCell& target) {
  const auto given = names_.actor(target.id_view());
  if (!given) return kNoNumber;
  if (given->is_new) {
    const BytesView name[] = {bytes_view(target.id_view())};
    append(user_, {.kind = FrameKind::NameActor, .target_id = given->id}, name, nullptr);
  }
  target.wire_name.store(remember(link(), given->id), std::memory_order_relaxed);
  return given->id;
}

[[gnu::always_inline]] inline Queued Outbox::may_push_message(std::uint32_t number) noexcept {
  if (number != link() || state_ != State::Open) return Queued::NoLink;
  if (!congested_ && queued() < options_.high_water) [[likely]]
    return Queued::Taken;
  congested_ = true;
  return Queued::Full;
}

/// Numbers for the names of actor and handler, of which the peer is told where needed; or kInline.
[[gnu::always_inline]] inline void Outbox::note_names(const OutgoingMessage& message,
                                                      FrameHeader& header) {
  const std::uint32_t target = number_of(message.target);
  if (target == kNoNumber) [[unlikely]] {
    header.flags |= frame_flag::kInline;
    return;
  }
  header.target_id = target;
  header.type_id = static_cast<std::uint16_t>(message.handler.index);
  if (!names_.introduce(message.handler)) [[likely]]
    return;
  const BytesView name[] = {bytes_view(message.handler.name)};
  append(user_, {.kind = FrameKind::NameType, .type_id = header.type_id}, name, nullptr);
}

Queued Outbox::push_message(std::uint32_t number, const OutgoingMessage& message) {
  FrameHeader header{.kind = message.request != 0 ? FrameKind::Request : FrameKind::Notify,
                     .request_id = message.request};
  if (!message.extensions.empty()) header.flags = frame_flag::kExtensions;
  const std::size_t size = message.extensions.size() + message.payload.size();
  {
    Holding holding(*this);
    if (const Queued may = may_push_message(number); may != Queued::Taken) return may;
    if (size > max_frame_) return Queued::TooLarge;
    note_names(message, header);
    const bool is_named = (header.flags & frame_flag::kInline) == 0;
    if (is_named && size <= Lane::kLongestCopied) [[likely]] {
      user_.append(header, message.extensions, message.payload);
      count_message();
      holding.wake_writer();
      return Queued::Taken;
    }
  }
  return push_unusual(number, header, message);
}

/// What names actor and handler as text, or is too long to be copied under the lock.
[[gnu::noinline]] Queued Outbox::push_unusual(std::uint32_t number, const FrameHeader& header,
                                              const OutgoingMessage& message) {
  Bytes inline_names;
  if ((header.flags & frame_flag::kInline) != 0) {
    const InlineNames names{message.target.id_view(), message.handler.name};
    inline_names.resize(inline_size(names));
    write_inline_names(names, inline_names.data());
  }
  const BytesView parts[] = {message.extensions, inline_names, message.payload};
  if (size_of(parts) > max_frame_) return Queued::TooLarge;
  auto prepared = prepare_if_long(header, parts);
  Holding holding(*this);
  if (const Queued may = may_push_message(number); may != Queued::Taken) return may;
  append(user_, header, parts, prepared ? &*prepared : nullptr);
  count_message();
  holding.wake_writer();
  return Queued::Taken;
}

Queued Outbox::push_in_order(std::uint32_t number, FrameHeader header, BytesView payload) {
  if (payload.size() > max_frame_) return is_up(number) ? Queued::TooLarge : Queued::NoLink;
  const BytesView parts[] = {payload};
  auto prepared = prepare_if_long(header, parts);
  Holding holding(*this);
  if (const Queued may = may_push_message(number); may != Queued::Taken) return may;
  append(user_, header, parts, prepared ? &*prepared : nullptr);
  holding.wake_writer();
  return Queued::Taken;
}

Queued Outbox::push_reply(std::uint32_t number, FrameKind kind, std::uint64_t request,
                          BytesView payload) {
  if (payload.size() > max_frame_) return is_up(number) ? Queued::TooLarge : Queued::NoLink;
  const FrameHeader header{.kind = kind, .request_id = request};
  const BytesView parts[] = {payload};
  auto prepared = prepare_if_long(header, parts);
  Holding holding(*this);
  if (!is_up(number)) return Queued::NoLink;
  const bool is_error = kind == FrameKind::Error;
  if (queued() >= (is_error ? kErrorRoom : kReplyRoom) * options_.high_water) {
    if (is_error) overrun_.store(true, std::memory_order_release);
    return Queued::Full;
  }
  append(user_, header, parts, prepared ? &*prepared : nullptr);
  holding.wake_writer();
  return Queued::Taken;
}

Queued Outbox::push_control(std::uint32_t number, FrameHeader header, BytesView payload,
                            Importance importance) {
  if (payload.size() > max_frame_) return is_up(number) ? Queued::TooLarge : Queued::NoLink;
  const BytesView parts[] = {payload};
  auto prepared = prepare_if_long(header, parts);
  Holding holding(*this);
  const bool is_vital = importance == Importance::Vital;
  if (!is_up(number) && !(is_vital && number == link() && state_ == State::Sealed))
    return Queued::NoLink;
  const std::size_t room = options_.control_reserve * (is_vital ? 2 : 1);
  if (control_.size() + control_in_flight_ >= room) return Queued::Full;
  append(control_, header, parts, prepared ? &*prepared : nullptr);
  holding.wake_writer();
  return Queued::Taken;
}

void Outbox::append(Lane& lane, const FrameHeader& header, Parts parts, PreparedMessage* prepared) {
  if (prepared != nullptr)
    lane.append(std::move(*prepared));
  else
    lane.append(header, parts);
}

BytesView Outbox::take(std::uint32_t number, Slice& writing) noexcept {
  const std::lock_guard guard(lock_);
  if (number != link() || state_ == State::Closed) return {};
  in_flight_ = control_in_flight_ = 0;
  if (queued() <= options_.low_water) congested_ = false;
  poked_ = false;
  const bool is_control = !control_.empty();
  (is_control ? control_ : user_).take(writing);
  (is_control ? control_in_flight_ : in_flight_) = writing.bytes.size();
  return writing.bytes.view();
}

bool Outbox::has_drained() const noexcept {
  const std::lock_guard guard(lock_);
  return state_ == State::Draining && user_.empty() && in_flight_ == 0;
}

bool Outbox::seal(std::uint32_t number, FrameHeader header, BytesView payload) {
  const std::lock_guard guard(lock_);
  if (number != link() || state_ != State::Draining) return false;
  if (!user_.empty() || !control_.empty() || in_flight_ != 0) return false;
  const BytesView parts[] = {payload};
  append(control_, header, parts, nullptr);
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
  return {messages_, messages_of_link_, queued() + control_.size() + control_in_flight_};
}

}  // namespace coerce::detail
