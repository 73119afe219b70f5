#include "actor/system_core.hpp"

#include <catch2/catch.hpp>

#include <mutex>

#include <coerce/actor.hpp>

namespace {

struct Poke {
  using Result = void;
};

class Quiet : public coerce::Actor {
 public:
  void handle(Poke, coerce::ActorContext&) {}
};

class Refusing : public coerce::Actor {
 public:
  void started(coerce::ActorContext&) { throw std::runtime_error("not today"); }
};

/// Keeps what it was told, as text.
class Notes : public coerce::detail::TrackedObserver {
 public:
  void began(coerce::detail::Cell& cell) noexcept override { note("+", cell); }
  void ended(coerce::detail::Cell& cell) noexcept override { note("-", cell); }
  std::vector<std::string> take() {
    const std::lock_guard guard(mutex_);
    return std::exchange(notes_, {});
  }

 private:
  void note(std::string_view sign, coerce::detail::Cell& cell) {
    const std::lock_guard guard(mutex_);
    notes_.push_back(std::string(sign) + cell.id().str());
  }
  std::mutex mutex_;
  std::vector<std::string> notes_;
};

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("an observer learns of each tracked actor before and after its life") {
  Notes notes;
  auto system = coerce::ActorSystem::builder().worker_threads(1).build();
  system.core().observe_tracked(notes);
  auto actor = system.block_on(system.new_actor("a", Quiet{}));
  REQUIRE(actor);
  CHECK(notes.take() == Strings{"+a"});
  REQUIRE(actor->stop_blocking());
  CHECK(notes.take() == Strings{"-a"});
  auto again = system.block_on(system.new_actor("a", Quiet{}));
  REQUIRE(again);
  CHECK(notes.take() == Strings{"+a"});
}

TEST_CASE("an observer learns of a start that failed, and not of one that was refused") {
  Notes notes;
  auto system = coerce::ActorSystem::builder().worker_threads(1).build();
  system.core().observe_tracked(notes);
  auto failed = system.block_on(system.new_actor("a", Refusing{}));
  REQUIRE_FALSE(failed);
  CHECK(notes.take() == Strings{"+a", "-a"});
  auto first = system.block_on(system.new_actor("a", Quiet{}));
  REQUIRE(first);
  auto second = system.block_on(system.new_actor("a", Quiet{}));
  REQUIRE_FALSE(second);
  CHECK(notes.take() == Strings{"+a"});
}

TEST_CASE("an observer does not learn of anonymous actors") {
  Notes notes;
  auto system = coerce::ActorSystem::builder().worker_threads(1).build();
  system.core().observe_tracked(notes);
  auto actor = system.block_on(system.new_anon_actor(Quiet{}));
  REQUIRE(actor);
  REQUIRE(actor->stop_blocking());
  CHECK(notes.take().empty());
}

TEST_CASE("actors that began before the observer are listed") {
  auto system = coerce::ActorSystem::builder().worker_threads(1).build();
  auto actor = system.block_on(system.new_actor("early", Quiet{}));
  REQUIRE(actor);
  Notes notes;
  system.core().observe_tracked(notes);
  const auto cells = system.core().tracked_of_users();
  REQUIRE(cells.size() == 1);
  CHECK(cells.front()->id() == coerce::ActorId("early"));
  CHECK(system.core().find_user("early").get() == cells.front().get());
  CHECK(system.core().find_user("late").get() == nullptr);
  REQUIRE(actor->stop_blocking());
  CHECK(system.core().find_user("early").get() == nullptr);
  CHECK(notes.take() == Strings{"-early"});
}
