#include "remote/link_proof.hpp"

#include <coerce/runtime/detail/timer.hpp>

namespace coerce::detail {

namespace {

/// Making a proof costs up to a millisecond, so a peer must not have as many as it likes. Nobody
/// has a use for more than this: an age is at least one second, and the challenges of a link that
/// stood still do not pile up.
constexpr Duration kBetweenChallenges = std::chrono::milliseconds(500);
constexpr std::uint64_t kSpareChallenges = 8;

auto refuse(std::string_view text) { return coerce::unexpected(ActorRefErr::Unauthorised(text)); }

}  // namespace

LinkProof::Due LinkProof::due(TimePoint now) const noexcept {
  if (!max_age_) return Due::Nothing;
  const Duration age = now - proven_;
  if (age >= *max_age_) return Due::End;
  return !nonce_ && age >= *max_age_ / 4 * 3 ? Due::Challenge : Due::Nothing;
}

TimePoint LinkProof::next() const noexcept {
  if (!max_age_) return TimePoint::max();
  return later(proven_, nonce_ ? *max_age_ : *max_age_ / 4 * 3);
}

Result<void> LinkProof::take(BytesView proof, WallTime now) {
  if (authenticator_ == nullptr || !nonce_) return refuse("a proof that nobody has asked for");
  const Bytes nonce = *std::exchange(nonce_, std::nullopt);
  auto proven = verify_again(*authenticator_, *terms_, nonce, proof, now);
  if (!proven) return proven;
  proven_ = challenged_;
  ++times_proven_;
  return {};
}

bool LinkProof::may_be_challenged(TimePoint now) noexcept {
  const auto spent = static_cast<std::uint64_t>((now - began_) / kBetweenChallenges);
  return ++times_challenged_ <= kSpareChallenges + spent;
}

Result<Bytes> LinkProof::answer(BytesView nonce, WallTime now) {
  if (authenticator_ == nullptr) return refuse("nobody proves anything in this cluster");
  return prove_again(*authenticator_, *terms_, nonce, now);
}

}  // namespace coerce::detail
