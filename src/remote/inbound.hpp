/// \file
/// Users' frames of one link, as they come.

#pragma once

#include <memory>

#include "remote/control_frames.hpp"
#include "remote/deadlines.hpp"
#include "remote/names.hpp"
#include "remote/replies.hpp"
#include "remote/requests.hpp"

namespace coerce::detail {

class PeerHost;

/// Hands messages to actors and answers to those who wait for them, in the order of the frames.
/// For the reader of the link, but receipt().
class Inbound {
 public:
  Inbound(PeerHost& host, SystemCore& system, const NodeDescription& from, Requests& requests,
          std::shared_ptr<Outbox> outbox, std::uint32_t link, std::shared_ptr<Answering> answering,
          const PeerOptions& options);

  /// `began`: when our side of the link did. Gives what is wrong with the frame, if anything: then
  /// the peer is not to be listened to any more.
  const char* handle(const Frame& frame, TransitClock& transit, TimePoint now, TimePoint began);
  const Receipt& receipt() const noexcept { return receipt_; }
  /// A frame for this target is next: has its cell brought near, which has most likely been pushed
  /// out by other cells meanwhile.
  void expect(std::uint32_t target_id) noexcept {
    const InNames::Target* const target = names_.target(target_id);
    if (target == nullptr || target->cell.get() == nullptr) return;
    const Cell& cell = *target->cell.get();
    __builtin_prefetch(&cell.lane, 1);
    __builtin_prefetch(&cell.status);
  }

 private:
  struct Address {
    const ActorId* id;
    CellRef* cell;
    std::string_view handler_name;
    const RemoteHandler* handler;
    bool is_allowed;
  };

  const char* message(const Frame& frame, TransitClock& transit, TimePoint now, TimePoint began);
  const char* answer(const Frame& frame);
  const char* find(const Frame& frame, BytesView& payload, Address& address);
  const char* find_by_text(BytesView& payload, Address& address);
  /// The actor found the last time runs and takes such messages; else see check().
  static bool fits(const Address& address) noexcept;
  std::optional<ActorRefErr> check(Address& address);
  std::optional<ActorRefErr> notify(Address& address, BytesView payload);
  std::optional<ActorRefErr> request(Address& address, BytesView payload, std::uint64_t number,
                                     TimePoint deadline);

  void lose(const Address& address);

  PeerHost& host_;
  SystemCore& system_;
  const NodeDescription& from_;
  Requests& requests_;
  const std::shared_ptr<Replies> replies_;
  const PeerOptions& options_;
  InNames names_;
  Receipt receipt_;
  ActorId inline_id_;  ///< of the message at hand
  CellRef inline_cell_;
};

}  // namespace coerce::detail
