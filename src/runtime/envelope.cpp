#include <coerce/runtime/detail/envelope.hpp>

#include <new>

namespace coerce::detail {

EnvelopeMetadata& Envelope::ensure_metadata() {
  if (metadata_ == 0) {
    auto* record = new (pool_allocate(sizeof(EnvelopeMetadata))) EnvelopeMetadata();
    metadata_ = reinterpret_cast<std::uintptr_t>(record) & 0xffff'ffff'ffff;
  }
  return *metadata();
}

void Envelope::free_metadata() noexcept {
  if (Unit* sender = metadata()->sender) metadata()->release_sender(*sender);
  pool_free(metadata(), sizeof(EnvelopeMetadata));
  metadata_ = 0;
}

}  // namespace coerce::detail
