#include <coerce/codec/detail/actor_ref_err.hpp>

#include <chrono>
#include <string>

#include <coerce/codec/detail/containers.hpp>

namespace coerce {

namespace {

using Parts = std::tuple<ActorRefErrKind, ActorRefErrOutcome, ActorId, std::string, std::string,
                         std::string, std::chrono::nanoseconds>;

}  // namespace

Result<void> Codec<ActorRefErr>::write(const ActorRefErr& value, Bytes& out) {
  return detail::write_parts(out, value.kind(), value.outcome(), value.actor_id(),
                             std::string(value.message_type()), std::string(value.actor_type()),
                             std::string(value.detail()),
                             std::chrono::nanoseconds(value.time_taken()));
}

Result<ActorRefErr> Codec<ActorRefErr>::read(detail::Reader& reader) {
  auto parts = Codec<Parts>::read(reader);
  if (!parts) return unexpected(std::move(parts).error());
  auto& [kind, outcome, actor_id, message_type, actor_type, text, time_taken] = *parts;
  return Result<ActorRefErr>(
      tl::in_place, detail::ErrorAccess::restore(kind, outcome, std::move(actor_id), message_type,
                                                 actor_type, text, Duration(time_taken)));
}

}  // namespace coerce
