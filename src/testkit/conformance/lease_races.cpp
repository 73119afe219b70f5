#include <atomic>
#include <mutex>

#include <coerce/runtime/sleep.hpp>

#include "testkit/conformance/lease_checker.hpp"
#include "testkit/conformance/lease_trial.hpp"

namespace coerce::testkit::conformance::detail {

namespace {

using Call = LeaseRecord::Call;
using Answer = LeaseRecord::Answer;

constexpr std::string_view kLease = "raced for";

/// What the tasks of one race share.
struct Race {
  explicit Race(LeaseTrial which) : trial(std::move(which)) {}

  Leases some_store() const { return stores[trial->rng.below(stores.size())]; }
  void add(LeaseRecord record) {
    const std::lock_guard guard(mutex);
    history.push_back(std::move(record));
  }

  LeaseTrial trial;
  std::vector<Leases> stores;  ///< handles to the one store
  std::atomic<std::uint64_t> moment{0};
  std::mutex mutex;
  std::vector<LeaseRecord> history;
};

/// Lets some time pass: often none, sometimes so much that leases run out.
Task<void> pause(std::shared_ptr<Race> race) {
  const std::uint64_t dice = race->trial->rng.below(20);
  if (dice < 4) {
    const auto most = dice == 0 ? 45 : 5;
    (void)co_await sleep_for(
        std::chrono::milliseconds(race->trial->rng.below(static_cast<std::uint64_t>(most))));
  } else if (dice < 12) {
    co_await yield();
  }
}

Duration draw_ttl(Race& race) {
  if (race.trial->rng.below(3) == 0) return std::chrono::seconds(10);
  return std::chrono::milliseconds(10 + race.trial->rng.below(30));
}

/// An owner as the library's are: it acquires, renews, and gives up or forgets.
class RacingOwner {
 public:
  RacingOwner(std::shared_ptr<Race> race, std::string name)
      : race_(std::move(race)), name_(std::move(name)) {}

  Task<void> step() {
    const std::uint64_t dice = race_->trial->rng.below(10);
    if (!epoch_ || dice < 2)
      co_await acquire();
    else if (dice < 8)
      co_await renew();
    else
      co_await release();
  }

 private:
  LeaseRecord begin(Call call) const {
    LeaseRecord record;
    record.call = call;
    record.owner = name_;
    record.ttl = ttl_;
    record.epoch = epoch_.value_or(Epoch{});
    record.asked_as = ++race_->moment;
    record.asked = race_->trial->now();
    return record;
  }
  void end(LeaseRecord& record) const {
    record.answered = race_->trial->now();
    record.answered_as = ++race_->moment;
  }

  Task<void> acquire() {
    const Duration wanted = draw_ttl(*race_);
    const Leases store = race_->some_store();
    LeaseRecord record = begin(Call::Acquire);
    record.ttl = wanted;
    auto result = co_await store->acquire(std::string(kLease), name_, wanted);
    end(record);
    if (result) record.answer = *result ? Answer::Yes : Answer::No;
    epoch_.reset();
    if (result && *result) {
      race_->trial->check((*result)->ttl == wanted, "a grant is for another time than was asked");
      epoch_ = record.epoch = (*result)->epoch;
      ttl_ = wanted;
    } else {
      expect_passing(result);
    }
    race_->add(std::move(record));
  }

  Task<void> renew() {
    const Leases store = race_->some_store();
    LeaseRecord record = begin(Call::Renew);
    auto result = co_await store->renew(std::string(kLease), name_, *epoch_);
    end(record);
    if (result) record.answer = *result ? Answer::Yes : Answer::No;
    expect_passing(result);
    if (!result || !*result) epoch_.reset();
    race_->add(std::move(record));
  }

  Task<void> release() {
    const Leases store = race_->some_store();
    LeaseRecord record = begin(Call::Release);
    auto result = co_await store->release(std::string(kLease), name_, *epoch_);
    end(record);
    if (result) record.answer = Answer::Yes;
    expect_passing(result);
    // Sometimes it forgets that it has given up, and goes on.
    if (race_->trial->rng.below(4) != 0) epoch_.reset();
    race_->add(std::move(record));
  }

  template <class T>
  void expect_passing(const LeaseResult<T>& result) const {
    if (!result && result.error().kind() != LeaseErr::Kind::Unavailable)
      race_->trial->broken("in a race: " + result.error().to_string());
  }

  std::shared_ptr<Race> race_;
  std::string name_;
  std::optional<Epoch> epoch_;
  Duration ttl_{};
};

Task<void> run_owner(std::shared_ptr<Race> race, std::string name, std::size_t steps) {
  RacingOwner owner(race, std::move(name));
  for (std::size_t i = 0; i < steps; ++i) {
    co_await pause(race);
    co_await owner.step();
  }
}

void judge_race(Race& race) {
  if (const auto wrong = judge(race.history, race.trial->slack())) race.trial->broken(*wrong);
}

Task<void> open_stores(std::shared_ptr<Race> race) {
  const int handles = race->trial.has_restarts() ? 2 : 1;
  for (int i = 0; i < handles; ++i) {
    auto store = co_await race->trial.store();
    race->stores.push_back(std::move(store));
  }
}

Task<void> race_for_it(LeaseTrial trial) {
  constexpr std::size_t kOwners = 3;
  const auto race = std::make_shared<Race>(trial);
  co_await open_stores(race);
  std::vector<Task<void>> owners;
  for (std::size_t i = 0; i < kOwners; ++i)
    owners.push_back(
        run_owner(race, fmt::format("owner {}", i), trial->options.operations / kOwners));
  co_await together(trial->system, std::move(owners));
  judge_race(*race);
}

/// One call after the other, so that nearly every answer is certain; with restarts.
Task<void> take_turns(LeaseTrial trial) {
  const auto race = std::make_shared<Race>(trial);
  co_await open_stores(race);
  std::vector<RacingOwner> owners;
  for (int i = 0; i < 3; ++i) owners.emplace_back(race, fmt::format("owner {}", i));
  for (std::size_t i = 0; i < trial->options.operations; ++i) {
    co_await pause(race);
    co_await owners[trial->rng.below(owners.size())].step();
    if (race->trial.has_restarts() && trial->rng.below(15) == 0) {
      auto opened = co_await race->trial.store();
      race->stores.erase(race->stores.begin());
      race->stores.push_back(std::move(opened));
    }
  }
  judge_race(*race);
}

}  // namespace

std::vector<Case> lease_race_cases(const LeaseStores& stores) {
  std::vector<Case> cases;
  const auto add = [&](std::string promise, Task<void> (*body)(LeaseTrial)) {
    cases.push_back(lease_case(stores, std::move(promise), body));
    cases.back().is_random = true;
  };
  add("of owners that take turns each is told the truth, across restarts and handles", take_turns);
  add("of owners that race no two hold the lease, and epochs grow", race_for_it);
  return cases;
}

}  // namespace coerce::testkit::conformance::detail
