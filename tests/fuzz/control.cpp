// What nodes say to each other besides users' messages. The first byte chooses what it is taken
// for; whatever is understood must be understood again once it is written anew.

#include <algorithm>
#include <cstdint>

#include <google/protobuf/stubs/logging.h>

#include <coerce/codec/codec.hpp>

#include "demand.hpp"
#include "remote/control_frames.hpp"
#include "remote/deadlines.hpp"
#include "remote/members_message.hpp"

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

void try_members(BytesView bytes) {
  const auto message = decode_members(bytes);
  if (!message) return;
  std::size_t members = 0, ended = 0;
  for (const auto& piece : encode_members(*message)) {
    const auto again = decode_members(piece);
    demand(again.has_value(), "a table of members that was written cannot be read");
    members += again->members.size();
    ended += again->ended.size();
  }
  demand(members == message->members.size() && ended == message->ended.size(),
         "a table of members that is another one");
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
    &try_ping, &try_pong, &try_goodbye, &try_challenge, &try_members, &try_extensions, &try_error,
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
