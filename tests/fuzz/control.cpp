// What nodes say to each other besides users' messages. The first byte chooses what it is taken
// for; whatever is understood must be understood again once it is written anew.

#include <algorithm>
#include <cstdint>
#include <set>

#include <google/protobuf/stubs/logging.h>

#include <coerce/codec/codec.hpp>

#include "cluster/judgement.hpp"
#include "cluster/standing.hpp"
#include "demand.hpp"
#include "remote/control_frames.hpp"
#include "remote/deadlines.hpp"

namespace {

using namespace coerce;
using namespace coerce::detail;
using fuzz::demand;

bool is_bounded(Duration duration) {
  return duration >= Duration::zero() && duration <= std::chrono::years(101);
}

void try_ping(BytesView bytes) {
  const auto ping = read_ping(bytes);
  if (!ping) return;
  demand(is_bounded(ping->sent_at), "a time that cannot be counted with");
  const auto again = read_ping(to_bytes(*ping));
  demand(again && again->number == ping->number && again->sent_at == ping->sent_at &&
             again->receipt.delivered == ping->receipt.delivered,
         "a ping that is another one");
  TransitClock clock;
  clock.observe(ping->sent_at, std::chrono::seconds(1));
  (void)clock.delay(Duration::zero(), std::chrono::seconds(1));
}

void try_pong(BytesView bytes) {
  const auto pong = read_pong(bytes);
  if (!pong) return;
  demand(is_bounded(pong->ping_sent_at) && is_bounded(pong->received_at),
         "a time that cannot be counted with");
  const auto again = read_pong(to_bytes(*pong));
  demand(again && again->number == pong->number && again->received_at == pong->received_at,
         "a pong that is another one");
}

void try_goodbye(BytesView bytes) {
  if (const auto text = read_goodbye(bytes)) demand(text->size() <= 256, "too long a goodbye");
}

void try_challenge(BytesView bytes) {
  const auto nonce = read_challenge(bytes);
  if (!nonce) return;
  demand(nonce->size() == 32 && read_challenge(challenge_bytes(*nonce)) == nonce,
         "a challenge that is another one");
}

void try_standing(BytesView bytes) {
  const auto standing = decode_standing(bytes);
  if (!standing) return;
  const auto again = decode_standing(encode_standing(*standing));
  demand(again.has_value(), "a standing that was written cannot be read");
  demand(again->view == standing->view && again->founding == standing->founding &&
             again->ended == standing->ended && again->reached == standing->reached &&
             again->agreement.size() == standing->agreement.size(),
         "a standing that is another one");
  if (!standing->view) return;
  (void)full_mesh(
      *standing->view, standing->view->members.front().node.id,
      {{standing->number, {standing->unreachable.begin(), standing->unreachable.end()}}});
  Agreement agreement(standing->view->members.front().node.id);
  agreement.begin(standing->lineage, standing->number + 1);
  agreement.propose(*standing->view, standing->view->ids(),
                    [&](const std::set<NodeId>& ids) { return standing->view->is_quorum(ids); });
  for (const AgreementMessage& message : standing->agreement)
    agreement.handle(standing->view->members.back().node.id, message);
}

void try_extensions(BytesView bytes) {
  BytesView rest = bytes;
  const auto extensions = read_extensions(rest);
  if (!extensions) return;
  demand(rest.size() <= bytes.size(), "more than there was");
  if (const auto& deadline = extensions->deadline)
    demand(is_bounded(deadline->remaining) && is_bounded(deadline->sent_at),
           "a time that cannot be counted with");
}

void try_error(BytesView bytes) {
  const auto error = decode_message<ActorRefErr>(bytes);
  if (error) demand(encode_message(*error).has_value(), "an error that cannot be written");
}

constexpr void (*kTries[])(BytesView) = {
    &try_ping, &try_pong, &try_goodbye, &try_challenge, &try_standing, &try_extensions, &try_error,
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
