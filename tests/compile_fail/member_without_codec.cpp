// expect: coerce: MemberCodec lists a member whose type has no codec
#include <coerce/codec.hpp>

struct Handle {};
struct Event {
  int number = 0;
  Handle handle;
};

template <>
struct coerce::Codec<Event> : coerce::MemberCodec<Event, &Event::number, &Event::handle> {};

coerce::Result<coerce::Bytes> encode(const Event& event) { return coerce::encode_message(event); }
