#include <coerce/persistence/durable_state.hpp>

#include <catch2/catch.hpp>

#include <coerce/testkit.hpp>

#include "persistence/account.hpp"

namespace {

using namespace coerce;
using testkit::TestSystem;

struct SetTo {
  using Result = void;
  std::int64_t value;
};
struct Get {
  using Result = std::pair<std::int64_t, std::int64_t>;  // value and revision
};

/// Remembers one number.
class Memory : public Actor {
 public:
  Task<void> started(ActorContext& ctx) {
    const auto loaded = co_await state_.load(ctx);
    if (!loaded) throw PersistFailed(loaded.error());
  }
  Task<Result<void>> handle(SetTo message, ActorContext& ctx) {
    const auto set = co_await state_.set(bank::Balance(message.value), ctx);
    if (!set) co_return coerce::unexpected(ActorRefErr::HandlerFailed(set.error().to_string()));
    co_return Result<void>();
  }
  std::pair<std::int64_t, std::int64_t> handle(Get, ActorContext&) const {
    return {state_->amount, state_.revision()};
  }

 private:
  DurableState<bank::Balance> state_{"Balance", bank::Balance(-1)};
};

std::pair<std::int64_t, std::int64_t> get(TestSystem& test, const LocalActorRef<Memory>& memory) {
  return test.run(memory.send(Get{})).value();
}

}  // namespace

TEST_CASE("a durable state is the initial one until it is set", "[durable_state]") {
  const InMemoryStorageProvider provider;
  TestSystem test({}, ActorSystem::builder().with_persistence(provider));
  const auto memory = test.start<Memory>("memory");
  REQUIRE(get(test, memory) == std::pair<std::int64_t, std::int64_t>{-1, 0});
}

TEST_CASE("a durable state is what it was set to last, and old revisions go", "[durable_state]") {
  const InMemoryStorageProvider provider;
  TestSystem test({}, ActorSystem::builder().with_persistence(provider));
  const auto first = test.start<Memory>("memory");
  for (std::int64_t i = 1; i <= 200; ++i) REQUIRE(test.run(first.send(SetTo{i})));
  REQUIRE(test.run(first.stop()));
  const auto second = test.start<Memory>("memory");
  REQUIRE(get(test, second) == std::pair<std::int64_t, std::int64_t>{200, 200});
  const auto kept =
      test.run(provider.journal_storage()->read("memory/Balance", 1, 1000, 1 << 20)).value();
  REQUIRE(kept.size() < 65);
}

TEST_CASE("a durable state is kept where the class of its actor keeps its journals",
          "[durable_state]") {
  const InMemoryStorageProvider everybodys;
  const InMemoryStorageProvider own;
  TestSystem test({}, ActorSystem::builder().with_persistence(
                          Persistence::from(everybodys).actor_provider<Memory>(own)));
  const auto memory = test.start<Memory>("memory");
  REQUIRE(test.run(memory.send(SetTo{1})));
  CHECK(test.run(own.journal_storage()->head("memory/Balance")).value() == 1);
  CHECK(test.run(everybodys.journal_storage()->head("memory/Balance")).value() == 0);
}

namespace {

/// Has a state of a name that somebody chose.
class Named : public Actor {
 public:
  explicit Named(std::string type) : state_(type) {}
  Task<void> started(ActorContext& ctx) {
    const auto loaded = co_await state_.load(ctx);
    if (!loaded) throw PersistFailed(loaded.error());
    const auto set = co_await state_.set(bank::Balance(state_->amount + 1), ctx);
    if (!set) throw PersistFailed(set.error());
  }
  std::pair<std::int64_t, std::int64_t> handle(Get, ActorContext&) const {
    return {state_->amount, state_.revision()};
  }

 private:
  DurableState<bank::Balance> state_;
};

}  // namespace

TEST_CASE("states of two actors have two journals, wherever the slashes are", "[durable_state]") {
  const InMemoryStorageProvider provider;
  TestSystem test({}, ActorSystem::builder().with_persistence(provider));
  const std::vector<std::pair<std::string, std::string>> names{
      {"a", "b/c"}, {"a/b", "c"}, {"a", "b%2Fc"}, {"a", "b%252Fc"}};
  for (const auto& [id, type] : names) {
    const auto actor = test.start<Named>(id, type);
    REQUIRE(test.run(actor.send(Get{})).value() == std::pair<std::int64_t, std::int64_t>{1, 1});
    REQUIRE(test.run(actor.stop()));
  }
}

TEST_CASE("whoever loads a durable state fences the one who had loaded it", "[durable_state]") {
  const InMemoryStorageProvider provider;
  TestSystem one({}, ActorSystem::builder().with_persistence(provider));
  TestSystem two({}, ActorSystem::builder().with_persistence(provider));
  const auto old = one.start<Memory>("memory");
  const auto current = two.start<Memory>("memory");
  const auto late = one.run(old.send(SetTo{1}));
  REQUIRE(!late);
  one.expect_stopped(old);
  REQUIRE(two.run(current.send(SetTo{2})));
  REQUIRE(get(two, current).first == 2);
}

TEST_CASE("an owner with a higher epoch keeps one with a lower from loading", "[durable_state]") {
  const InMemoryStorageProvider provider;
  TestSystem one({}, ActorSystem::builder().with_persistence(provider));
  TestSystem two({}, ActorSystem::builder().with_persistence(provider));
  REQUIRE(one.run(one.system().new_actor<Memory>("memory").owning(Epoch{7})));
  const auto lower = two.run(two.system().new_actor<Memory>("memory").owning(Epoch{6}));
  REQUIRE(!lower);
  two.expect_failure("Fenced");
}
