// What becomes of messages when a link ends, or their deadline passes.

#include <mutex>

#include "actor/log.hpp"
#include "actor/system_core.hpp"
#include "remote/deadlines.hpp"
#include "remote/errors.hpp"
#include "remote/peer.hpp"

namespace coerce::detail {

namespace {

constexpr std::size_t kBatch = 64;

/// Publishes messages that nobody will get as dead letters of the actors that they were for.
class DeadLetters {
 public:
  DeadLetters(SystemCore& system, const RemoteHandlers& handlers,
              std::shared_ptr<ForeignPort> port) noexcept
      : system_(system), handlers_(handlers), port_(std::move(port)) {}

  void add(const FrameHeader& header, BytesView payload, const OutNames& names) {
    const RemoteHandler* handler;
    std::string_view actor;
    if ((header.flags & frame_flag::kInline) == 0) {
      handler = handlers_.all()[header.type_id].get();
      actor = names.actor_name(header.target_id);
    } else {
      if ((header.flags & frame_flag::kExtensions) != 0) (void)read_extensions(payload);
      const auto written = read_inline_names(payload);
      if (!written) return;  // cut off where the first chunk ends
      handler = handlers_.find(written->handler);
      actor = written->actor;
    }
    if (cell_.get() == nullptr || cell_->id_view() != actor || actor_key_ != handler->actor_key) {
      cell_ = ForeignCell::make(system_, ActorId(actor), handler->actor_key, handler->actor_type,
                                port_);
      actor_key_ = handler->actor_key;
    }
    count_dead_letter(*cell_, handler->message_type);
  }

 private:
  SystemCore& system_;
  const RemoteHandlers& handlers_;
  const std::shared_ptr<ForeignPort> port_;
  CellRef cell_;  ///< of the last one
  const void* actor_key_ = nullptr;
};

}  // namespace

LinkEnd Peer::finish_link(Link& link) noexcept {
  Unsent unsent = outbox_->close();
  const std::uint64_t sent = outbox_->counts().messages_of_link;
  LinkEnd end;
  end.generation = link.terms.generation;
  end.why = link.why();
  end.goodbye = link.heard_goodbye();
  end.hostile = link.hostile();
  end.dead_letters = refuse_unsent(unsent);
  fail_requests(link.number);
  const Receipt told = link.confirmed();
  const std::uint64_t confirmed = told.delivered + told.refused;
  const std::uint64_t begun = sent - end.dead_letters;
  end.unconfirmed = begun > confirmed ? begun - confirmed : 0;
  {
    const std::lock_guard guard(lock_);
    link.is_carried = false;
    link.add_counts(past_);
    past_.dead_letters += end.dead_letters;
    past_.unconfirmed += end.unconfirmed;
    ++past_.links_ended;
  }
  if (end.unconfirmed > 0) tell_unconfirmed(end.unconfirmed);
  return end;
}

void Peer::tell_unconfirmed(std::uint64_t count) noexcept {
  EventHub& events = system_.core().events();
  if (events.wants<MessagesUnconfirmed>()) events.publish(MessagesUnconfirmed{node_.id, count});
}

std::uint64_t Peer::refuse_unsent(Unsent& unsent) noexcept {
  DeadLetters dead(system_.core(), host_.handlers(), shared_from_this());
  std::uint64_t messages = 0;
  Slice slice;
  for (unsent.frames.take(slice); !slice.bytes.empty(); unsent.frames.take(slice)) {
    bool inside = slice.inside_message;
    for (BytesView left = slice.bytes.view(); !left.empty();) {
      const FrameHeader header = read_header(left.data());
      const BytesView payload = left.subspan(kFrameHeaderSize, header.length);
      left = left.subspan(kFrameHeaderSize + header.length);
      if (std::exchange(inside, false)) continue;  // of a message that was begun
      if (header.kind == FrameKind::Notify) {
        ++messages;
        dead.add(header, payload, *unsent.names);
      } else if (header.kind == FrameKind::Request) {
        ++messages;
        if (const auto request = requests_.take(header.request_id))
          finish(*request, unreachable(ActorRefErrOutcome::NotDelivered, "the link has ended"));
      }
    }
  }
  return messages;
}

void Peer::fail_requests(std::uint32_t link) noexcept {
  WaitingRequest batch[kBatch];
  std::uint32_t from = 0;
  while (const std::size_t count = requests_.take_of_link(link, batch, from))
    for (std::size_t i = 0; i < count; ++i)
      finish(batch[i], unreachable(ActorRefErrOutcome::Unknown, "the link has ended"));
}

void Peer::end_expired(TimePoint now) noexcept {
  WaitingRequest batch[kBatch];
  while (const std::size_t count = requests_.take_expired(now, batch))
    for (std::size_t i = 0; i < count; ++i)
      finish(batch[i], ActorRefErr::Timeout(now - batch[i].sent));
}

}  // namespace coerce::detail
