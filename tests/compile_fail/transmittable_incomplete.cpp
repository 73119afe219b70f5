// expect: coerce: Transmittable is asked of a type that is not complete here
#include <coerce/codec.hpp>

struct Later;

constexpr bool transmittable = coerce::Transmittable<Later>;

struct Later {};
template <>
struct coerce::Codec<Later> : coerce::MemberCodec<Later> {};
