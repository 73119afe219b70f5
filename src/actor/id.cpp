#include <coerce/actor/id.hpp>

#include <algorithm>
#include <cstring>
#include <new>

#include "actor/id_access.hpp"
#include "actor/system_core.hpp"

namespace coerce {

namespace detail {

namespace {
constexpr std::size_t kMaxIdLength = std::size_t{64} * 1024;
}

SharedText* SharedText::make(std::string_view text) {
  const std::size_t size = std::min(text.size(), kMaxIdLength);
  auto* made =
      new (::operator new(sizeof(SharedText) + size)) SharedText(static_cast<std::uint32_t>(size));
  std::memcpy(const_cast<char*>(made->data()), text.data(), size);
  return made;
}

void SharedText::destroy(SharedText* text) noexcept { ::operator delete(text); }

ActorId make_uuid(Rng& rng) {
  constexpr char kDigits[] = "0123456789abcdef";
  const std::uint64_t bits[2] = {rng.next(), rng.next()};
  char text[36];
  for (unsigned i = 0, digit = 0; i < sizeof text; ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      text[i] = '-';
      continue;
    }
    auto nibble = static_cast<unsigned>(bits[digit / 16] >> (digit % 16 * 4)) & 15U;
    if (digit == 12) nibble = 4;                   // version 4
    if (digit == 16) nibble = (nibble & 3U) | 8U;  // variant of RFC 4122
    text[i] = kDigits[nibble];
    ++digit;
  }
  return ActorId(std::string_view(text, sizeof text));
}

Rng& current_rng() {
  static Rng process_rng(Rng::random_seed());
  const Worker* worker = thread_state().worker;
  return worker != nullptr ? rng_of(worker->scheduler()) : process_rng;
}

}  // namespace detail

ActorId new_actor_id() { return detail::make_uuid(detail::current_rng()); }

}  // namespace coerce
