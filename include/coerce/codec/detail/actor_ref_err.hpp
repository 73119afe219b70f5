/// \file
/// Codec of the error of a reference, which is an answer too.

#pragma once

#include <coerce/codec/detail/scalars.hpp>

namespace coerce {

template <>
inline constexpr EnumRange enum_range<ActorRefErrKind>{ActorRefErrKind::ActorUnavailable,
                                                       ActorRefErrKind::Overloaded};
template <>
inline constexpr EnumRange enum_range<ActorRefErrOutcome>{ActorRefErrOutcome::NotDelivered,
                                                          ActorRefErrOutcome::Handled};

/// Kind, outcome, id, message type, actor type, detail, time taken (in nanoseconds).
template <>
struct Codec<ActorRefErr> : detail::SelfDelimiting<ActorRefErr> {
  static Result<void> write(const ActorRefErr& value, Bytes& out);
  static Result<ActorRefErr> read(detail::Reader& reader);
};

}  // namespace coerce
