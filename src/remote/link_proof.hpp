/// \file
/// A link that goes on for long is proven anew (PROTOCOLS §5).

#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include <coerce/runtime/clock.hpp>

#include "remote/handshake.hpp"

namespace coerce::detail {

inline constexpr Duration kShortestAge = std::chrono::seconds(1);

/// One side of a link: when it challenges its peer, and what it answers to challenges. Without an
/// authenticator, or if that sets no age, it challenges nobody. Not thread-safe.
///
/// The peer is challenged when three quarters of the allowed age have passed, and has the last
/// quarter to answer. One challenge is open at a time.
class LinkProof {
 public:
  /// Throws what the authenticator does.
  LinkProof(Authenticator* authenticator, const LinkTerms& terms, TimePoint now)
      : authenticator_(authenticator), terms_(&terms), began_(now), proven_(now) {
    if (authenticator != nullptr) max_age_ = authenticator->max_link_age();
    if (max_age_) max_age_ = std::max(*max_age_, kShortestAge);
  }

  enum class Due : std::uint8_t {
    Nothing,
    Challenge,  ///< send one, and say so by challenged()
    End,        ///< the link is too old
  };
  Due due(TimePoint now) const noexcept;
  /// When due() has to be asked again, unless something happens before.
  TimePoint next() const noexcept;
  void challenged(Bytes nonce, TimePoint now) noexcept {
    nonce_ = std::move(nonce);
    challenged_ = now;
  }
  /// The link is about to end: no more challenges.
  void finish() noexcept { max_age_.reset(); }
  /// The peer's answer. Error: Unauthorised.
  Result<void> take(BytesView proof, WallTime now);

  /// Counts a challenge of the peer; false: it has sent more than it can have use for.
  bool may_be_challenged(TimePoint now) noexcept;
  /// To a challenge of the peer. Error: Unauthorised.
  Result<Bytes> answer(BytesView nonce, WallTime now);

  /// How often the peer has proven itself since the hello.
  std::uint64_t times_proven() const noexcept { return times_proven_; }

 private:
  Authenticator* authenticator_;
  const LinkTerms* terms_;
  std::optional<Duration> max_age_;
  TimePoint began_;
  TimePoint proven_;  ///< when it was last asked to, if it then did
  std::optional<Bytes> nonce_;
  TimePoint challenged_{};
  std::uint64_t times_proven_ = 0;
  std::uint64_t times_challenged_ = 0;
};

}  // namespace coerce::detail
