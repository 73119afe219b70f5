// Actors that lose the right to write while they work.

#include <coerce/actor/detail/ownership.hpp>
#include <coerce/runtime/sleep.hpp>
#include <coerce/testkit.hpp>

#include <catch2/catch.hpp>

#include "persistence/account.hpp"

namespace ownership_cases {
namespace {

using namespace bank;
using namespace coerce;
using namespace std::chrono_literals;

/// Thinks for a second before it writes.
class SlowAccount : public PersistentActor<SlowAccount> {
 public:
  explicit SlowAccount(std::shared_ptr<std::vector<PersistErrKind>> errors)
      : errors_(std::move(errors)) {}

  static void configure(JournalTypes<SlowAccount>& types) {
    types.message<Deposited>("Deposited").snapshot<Balance>("Balance");
  }
  std::string persistence_key(const ActorContext&) const { return "slow"; }
  void recover(Deposited, ActorContext&) {}
  void recover(Balance, ActorContext&) {}

  Task<Result<void>> handle(Deposit message, ActorContext& ctx) {
    const bool slept = co_await sleep_for(1s);
    (void)slept;
    Deposited event(message.amount);
    auto persisting = persist(std::move(event), ctx);
    const auto persisted = co_await persisting;
    if (persisted) co_return Result<void>();
    errors_->push_back(persisted.error().kind());
    co_return coerce::unexpected(ActorRefErr::HandlerFailed(persisted.error().to_string()));
  }

 private:
  std::shared_ptr<std::vector<PersistErrKind>> errors_;
};

}  // namespace

TEST_CASE("an owner that lost its time while it worked is Fenced, and its store is not asked",
          "[persistence][ownership]") {
  const InMemoryStorageProvider provider;
  testkit::TestSystem test({}, ActorSystem::builder().with_persistence(provider));
  const auto errors = std::make_shared<std::vector<PersistErrKind>>();
  const auto start = [&](std::shared_ptr<detail::Ownership> ownership) {
    auto make = [errors] { return SlowAccount(errors); };
    auto& cell = detail::make_cell_with<SlowAccount>(test.system().core(), ActorId("slow"), nullptr,
                                                     ActorType::Tracked, std::move(make),
                                                     SupervisorStrategy::stop());
    detail::give_ownership(cell, std::move(ownership));
    return test.run(detail::StartAwaiter<SlowAccount>(cell));
  };
  const Clock& clock = test.system().clock();
  const auto ownership = std::make_shared<detail::Ownership>(Epoch{4}, clock, clock.now() + 1500ms);
  const auto owner = start(ownership);
  REQUIRE(owner);
  CHECK(test.run(owner->send(Deposit{1})));
  CHECK_FALSE(test.run(owner->send(Deposit{2})));
  CHECK(*errors == std::vector{PersistErrKind::Fenced});
  test.expect_stopped(*owner);

  const auto journal = provider.journal_storage();
  CHECK(test.run(journal->head("slow")).value() == 1);
  const auto late = start(ownership);
  CHECK_FALSE(late);
  const auto lower = start(std::make_shared<detail::Ownership>(Epoch{3}, clock, clock.now() + 9s));
  CHECK_FALSE(lower);
  const auto next = start(std::make_shared<detail::Ownership>(Epoch{5}, clock, clock.now() + 9s));
  REQUIRE(next);
  CHECK(test.run(next->send(Deposit{3})));
}

}  // namespace ownership_cases
