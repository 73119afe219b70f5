#include "testkit/conformance/lease_trial.hpp"

#include <coerce/runtime/sleep.hpp>

#include "testkit/conformance/words.hpp"

namespace coerce::testkit::conformance::detail {

namespace {

std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

std::string words(const LeaseErr& error) { return error.to_string(); }

}  // namespace

// ---- LoggedLeases -------------------------------------------------------------------------------

std::string LoggedLeases::moment() const {
  return fmt::format("{}@{} ms", label_, milliseconds(trial_->now().time_since_epoch()));
}

Task<LeaseResult<std::optional<LeaseGrant>>> LoggedLeases::acquire(std::string name,
                                                                   std::string owner,
                                                                   Duration ttl) {
  const std::string call = fmt::format("{}: acquire {} by {} for {} ms", moment(), shown(name),
                                       shown(owner), milliseconds(ttl));
  auto result = co_await inner_->acquire(std::move(name), std::move(owner), ttl);
  const std::string answer = !result   ? words(result.error())
                             : *result ? fmt::format("epoch {}", (*result)->epoch.value)
                                       : "taken";
  trial_->answered("acquire", result);
  trial_->log(call + " -> " + answer);
  co_return result;
}

Task<LeaseResult<bool>> LoggedLeases::renew(std::string name, std::string owner, Epoch epoch) {
  const std::string call =
      fmt::format("{}: renew {} by {} epoch {}", moment(), shown(name), shown(owner), epoch.value);
  auto result = co_await inner_->renew(std::move(name), std::move(owner), epoch);
  trial_->answered("renew", result);
  trial_->log(call + " -> " + (!result ? words(result.error()) : *result ? "renewed" : "lost"));
  co_return result;
}

Task<LeaseResult<void>> LoggedLeases::release(std::string name, std::string owner, Epoch epoch) {
  const std::string call = fmt::format("{}: release {} by {} epoch {}", moment(), shown(name),
                                       shown(owner), epoch.value);
  auto result = co_await inner_->release(std::move(name), std::move(owner), epoch);
  trial_->answered("release", result);
  trial_->log(call + " -> " + (result ? "done" : words(result.error())));
  co_return result;
}

// ---- LeaseTrial ---------------------------------------------------------------------------------

Task<Leases> LeaseTrial::store() {
  // Without names each call gives an empty store of its own.
  std::string label(1, static_cast<char>('a' + handles_++ % 26));
  trial_->log(label + ": the store is opened");
  auto opened = co_await stores_->open(name_);
  auto inner = trial_->must(std::move(opened), "the store is opened");
  trial_->check(inner != nullptr, "the factory gave no store");
  co_return std::make_shared<LoggedLeases>(*trial_, std::move(inner), std::move(label));
}

// ---- Owner --------------------------------------------------------------------------------------

Task<Epoch> Owner::acquire(Duration wanted) {
  const TimePoint before = trial_->now();
  auto result = co_await store_->acquire(lease_, name_, wanted);
  const auto grant = trial_->must(std::move(result), "acquire");
  trial_->check(grant.has_value(), fmt::format("{} was refused a free lease", name_));
  trial_->check(grant->ttl == wanted, "a grant is for another time than was asked for");
  asked = before;
  ttl = wanted;
  epoch = grant->epoch;
  co_return epoch;
}

Task<void> Owner::expect_taken(std::string_view why) {
  auto result = co_await store_->acquire(lease_, name_, std::chrono::seconds(60));
  const auto grant = trial_->must(std::move(result), "acquire");
  trial_->check(!grant, fmt::format("{} was granted a lease that is held: {}", name_, why));
}

Task<bool> Owner::renew() {
  const TimePoint before = trial_->now();
  auto result = co_await store_->renew(lease_, name_, epoch);
  const bool renewed = trial_->must(std::move(result), "renew");
  if (renewed) asked = before;
  co_return renewed;
}

Task<void> Owner::release() {
  auto result = co_await store_->release(lease_, name_, epoch);
  trial_->must(std::move(result), "release");
}

Task<void> Owner::expire() {
  // The store may have begun the time only now.
  const TimePoint end = trial_->now() + ttl + trial_->slack() + std::chrono::milliseconds(1);
  while (trial_->now() < end) {
    const bool slept = co_await sleep_for(end - trial_->now());
    if (!slept) trial_->broken("asked to stop");
  }
}

}  // namespace coerce::testkit::conformance::detail
