#include "remote/inbound.hpp"

#include "actor/system_core.hpp"
#include "remote/errors.hpp"
#include "remote/peer.hpp"

namespace coerce::detail {

Inbound::Inbound(PeerHost& host, SystemCore& system, const NodeDescription& from,
                 Requests& requests, std::shared_ptr<Outbox> outbox, std::uint32_t link,
                 std::shared_ptr<Answering> answering, const PeerOptions& options)
    : host_(host),
      system_(system),
      from_(from),
      requests_(requests),
      replies_(std::make_shared<Replies>(std::move(outbox), link, std::move(answering))),
      options_(options) {}

// The usual way of a message, down to its handler, is one function: what each call in between would
// cost is a good part of what a small message does.

[[gnu::always_inline]] inline const char* Inbound::find(const Frame& frame, BytesView& payload,
                                                        Address& address) {
  if ((frame.header.flags & frame_flag::kInline) != 0) [[unlikely]]
    return find_by_text(payload, address);
  InNames::Target* const target = names_.target(frame.header.target_id);
  if (target == nullptr) return "a number that stands for no actor";
  const InNames::Type* const type = names_.type(frame.header.type_id);
  if (type == nullptr) return "a number that stands for no handler";
  address = {&target->id, &target->cell, type->name, type->handler, type->allowed};
  return nullptr;
}

[[gnu::always_inline]] inline bool Inbound::fits(const Address& address) noexcept {
  if (address.handler == nullptr) return false;
  const Cell* const cell = address.cell->get();
  return cell != nullptr && cell->status.load(std::memory_order_acquire) < ActorStatus::Stopping &&
         cell->type == address.handler->cell_type;
}

[[gnu::always_inline]] inline std::optional<ActorRefErr> Inbound::notify(Address& address,
                                                                         BytesView payload) {
  std::optional<ActorRefErr> refused;
  if (!fits(address)) [[unlikely]]
    refused = check(address);
  if (!refused) refused = address.handler->notify(**address.cell, payload);
  return refused;
}

[[gnu::always_inline]] inline const char* Inbound::message(const Frame& frame,
                                                           TransitClock& transit, TimePoint now,
                                                           TimePoint began) {
  // As two words: they were stored as such just now, and would be waited for as a whole.
  BytesView payload(frame.payload.data(), frame.header.length);
  const bool is_request = frame.header.kind == FrameKind::Request;
  TimePoint deadline = is_request ? later(now, options_.request_timeout) : TimePoint::max();
  bool in_time = true;
  if ((frame.header.flags & frame_flag::kExtensions) != 0) {
    const auto extensions = read_extensions(payload);
    if (!extensions) return "a malformed extension block";
    if (const auto& travelled = extensions->deadline) {
      transit.observe(travelled->sent_at, now - began);
      const Duration waited = transit.delay(travelled->sent_at, now - began);
      in_time = waited < travelled->remaining;
      deadline = later(now, travelled->remaining - waited);
    }
  }
  Address address{};
  if (const char* violation = find(frame, payload, address)) return violation;

  std::optional<ActorRefErr> refused;
  if (!in_time)
    refused = expired();
  else if (is_request)
    refused = request(address, payload, frame.header.request_id, deadline);
  else
    refused = notify(address, payload);
  ++(refused ? receipt_.refused : receipt_.delivered);
  if (refused) [[unlikely]] {
    if (is_request)
      replies_->refuse(frame.header.request_id, *refused);
    else
      lose(address);
  }
  inline_cell_ = CellRef();
  return nullptr;
}

const char* Inbound::handle(const Frame& frame, TransitClock& transit, TimePoint now,
                            TimePoint began) {
  const FrameHeader& header = frame.header;
  switch (header.kind) {
    case FrameKind::Notify:
    case FrameKind::Request:
      return message(frame, transit, now, began);
    case FrameKind::Reply:
    case FrameKind::Error:
      return answer(frame);
    case FrameKind::NameActor:
      return names_.add_actor(header.target_id, frame.payload) ? nullptr
                                                               : "a bad number for an actor";
    case FrameKind::NameType:
      return names_.add_type(header.type_id, frame.payload, host_.handlers(), from_)
                 ? nullptr
                 : "a bad number for a handler";
    default:
      return "a frame of a kind that may not come here";
  }
}

const char* Inbound::answer(const Frame& frame) {
  // Of a request that has ended by its deadline, or never was: whoever answers does not harm us.
  const auto waiting = requests_.take(frame.header.request_id);
  if (!waiting) return nullptr;
  if (frame.header.kind == FrameKind::Reply) {
    finish(*waiting, frame.payload);
    return nullptr;
  }
  auto error = decode_message<ActorRefErr>(frame.payload);
  finish(*waiting, error ? std::move(*error) : std::move(error).error());
  return nullptr;
}

const char* Inbound::find_by_text(BytesView& payload, Address& address) {
  const auto names = read_inline_names(payload);
  if (!names) return "malformed names";
  inline_id_ = ActorId(names->actor);
  const RemoteHandler* const handler = host_.handlers().find(names->handler);
  const bool allowed = handler == nullptr || is_allowed(handler->allowed, from_);
  address = {&inline_id_, &inline_cell_, names->handler, allowed ? handler : nullptr, allowed};
  return nullptr;
}

// A message that nobody waits for and nobody gets.
void Inbound::lose(const Address& address) {
  const RemoteHandler* const handler = address.handler;
  const std::string_view message =
      handler != nullptr ? handler->message_type : address.handler_name;
  if (address.cell->get() != nullptr) {
    count_dead_letter(**address.cell, message);
    return;
  }
  system_.count_dead_letter();
  EventHub& events = system_.events();
  if (!events.wants<DeadLetter>()) return;
  std::string path(system_.name().view());
  path += '/';
  path += address.id->view();
  const std::string_view type = handler != nullptr ? handler->actor_type : std::string_view();
  events.publish(DeadLetter{ActorPath(path), std::string(type), std::string(message)});
}

std::optional<ActorRefErr> Inbound::check(Address& address) {
  if (!address.is_allowed)
    return ActorRefErr::Unauthorised("the node takes no such messages of this one");
  if (address.handler == nullptr)
    return ActorRefErr::NotSupported(*address.id, address.handler_name, {},
                                     "the node has no such handler");
  CellRef& cell = *address.cell;
  if (cell.get() == nullptr ||
      cell->status.load(std::memory_order_acquire) >= ActorStatus::Stopping) [[unlikely]] {
    cell = host_.find_actor(*address.id);
    if (cell.get() == nullptr) return ActorRefErr::NotFound(*address.id);
  }
  if (cell->type != address.handler->cell_type)
    return ActorRefErr::NotSupported(*address.id, address.handler->message_type, cell->type->name,
                                     "the actor is of another type");
  return std::nullopt;
}

std::optional<ActorRefErr> Inbound::request(Address& address, BytesView payload,
                                            std::uint64_t number, TimePoint deadline) {
  if (!fits(address)) [[unlikely]]
    if (auto refused = check(address)) return refused;
  if (!replies_->begin(options_.max_inbound_requests))
    return ActorRefErr::Overloaded("the node answers as many requests of this one as it may");
  auto refused =
      address.handler->request(**address.cell, payload, InboundRequest{replies_, number, deadline});
  if (refused) replies_->end();
  return refused;
}

}  // namespace coerce::detail
