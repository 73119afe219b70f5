/// \file
/// The node of every queue of the runtime: a message, a system message or a completion.

#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>

#include <coerce/runtime/clock.hpp>
#include <coerce/runtime/detail/pool.hpp>

namespace coerce::detail {

struct Envelope;
struct Unit;

enum class Op : std::uint8_t {
  Run,       ///< handle it; false: the handler has suspended
  Collect,   ///< the suspended handler has finished: take its result
  Reject,    ///< it will not be handled: tell the sender or count a dead letter
  Drop,      ///< it makes room for another: the same, for another reason
  Control,   ///< it was taken from the system lane
  Name,      ///< `argument` is a std::string_view* to be set to the message type's name
  Identity,  ///< `argument` is a MessageIdentity* to be set, if it is a user's message
};

/// The one function of an envelope. `argument` depends on the operation.
using EnvelopeOp = bool (*)(Envelope& envelope, Unit& unit, Op op, void* argument);

/// What happens to an envelope once it has left the queue.
enum class Completion : std::uint8_t {
  Pooled,  ///< its memory goes back to the pool
  Wake,    ///< it lies in a coroutine frame: resume the coroutine
  Custom,  ///< its ReplyEnvelope::complete function decides
  Static,  ///< nothing: somebody else owns it
};

/// What a message is and how it is handled.
struct MessageIdentity {
  const void* type = nullptr;  ///< equal for equal message types
  EnvelopeOp op = nullptr;     ///< that of an envelope which handles it again
};

/// Facts about a message that few messages have; absent ones cost nothing.
struct EnvelopeMetadata {
  std::uint64_t trace_context[4] = {};
  TimePoint deadline{};
  TimePoint enqueued{};
  std::uint64_t epoch = 0;
  Unit* sender = nullptr;  ///< kept in memory until `release_sender` is called
  void (*release_sender)(Unit&) noexcept = nullptr;
  std::atomic<bool> given_up{false};  ///< the sender waits no longer
};

struct alignas(8) Envelope {
  Envelope(EnvelopeOp operation, Completion completion_kind,
           std::uint8_t pool_size_class = 0) noexcept
      : op(operation), size_class(pool_size_class), completion(completion_kind) {}
  Envelope(const Envelope&) = delete;
  Envelope& operator=(const Envelope&) = delete;

  /// The optional metadata; null unless somebody asked for it.
  EnvelopeMetadata* metadata() const noexcept {
    return reinterpret_cast<EnvelopeMetadata*>(static_cast<std::uintptr_t>(metadata_));
  }
  EnvelopeMetadata& ensure_metadata();
  void drop_metadata() noexcept {
    if (metadata_ != 0) [[unlikely]]
      free_metadata();
  }

  std::atomic<Envelope*> next{nullptr};
  EnvelopeOp op;
  std::uint8_t size_class;
  Completion completion;

  /// Is it Completion::Pooled, without metadata? One comparison for both, as the last word of the
  /// header is then the size class alone; else the completion is in its second byte.
  bool is_plainly_pooled(std::size_t& its_size_class) const noexcept {
    static_assert(std::endian::native == std::endian::little && Completion{} == Completion::Pooled);
    std::uint64_t word;
    std::memcpy(&word, reinterpret_cast<const unsigned char*>(this) + kWordAt, sizeof(word));
    its_size_class = word;
    return word <= UINT8_MAX;
  }

 private:
  static constexpr std::size_t kWordAt = 16;

  void free_metadata() noexcept;
  std::uint64_t metadata_ : 48 = 0;  // a user-space address fits
};
static_assert(sizeof(Envelope) == 24, "a message of up to 8 bytes makes 32");

/// Gives a pooled envelope, whose payload has been destroyed, back to the pool.
inline void free_envelope(ThreadState& thread, Envelope& envelope) noexcept {
  const std::size_t size_class = envelope.size_class;
  envelope.drop_metadata();
  pool_free_class(thread, &envelope, size_class);
}

}  // namespace coerce::detail
