#include <coerce/runtime/stop_token.hpp>

#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <thread>

using namespace coerce::test;
using coerce::ActorContext;
using coerce::StopToken;
using coerce::Task;

namespace {

struct GetToken {
  using Result = StopToken;
};
struct WorkUntilAsked {
  using Result = bool;
};
struct Fail {};

/// Works outside of its worker until its token asks it to stop.
class Worker : public coerce::Actor {
 public:
  explicit Worker(Gate working) : working_(std::move(working)) {}

  StopToken handle(GetToken, ActorContext& ctx) { return ctx.stop_token(); }
  Task<bool> handle(WorkUntilAsked, ActorContext& ctx) {
    const auto work = [token = ctx.stop_token(), working = working_] {
      working.open();
      while (!token.stop_requested()) std::this_thread::yield();
      return true;
    };
    co_return co_await coerce::blocking(work);
  }
  void handle(Fail, ActorContext&) { throw std::runtime_error("as asked"); }

 private:
  Gate working_;
};

}  // namespace

TEST_CASE("a stop token tells of its actor's stop", "[stop_token]") {
  auto system = make_system();
  auto worker = start<Worker>(system, Gate());
  const StopToken token = value_of(system.block_on(worker.send(GetToken{})));
  CHECK_FALSE(token.stop_requested());
  value_of(system.block_on(worker.stop()));
  CHECK(token.stop_requested());
}

TEST_CASE("a stop reaches what a suspended handler has begun, through its token", "[stop_token]") {
  const Gate working;
  auto system = make_system();
  auto worker = start<Worker>(system, working);
  Event<coerce::Result<bool>> answer;
  worker.deliver(WorkUntilAsked{}, sender_into(answer));
  REQUIRE(working.wait());
  value_of(system.block_on(worker.stop()));
  CHECK(value_of(answer.wait()));
}

TEST_CASE("a restart asks the old instance's work to stop, and the new one has a new token",
          "[stop_token]") {
  auto system = coerce::ActorSystem::builder()
                    .worker_threads(0)
                    .top_level_strategy(coerce::SupervisorStrategy::restart())
                    .build();
  const auto make = [] { return Worker(Gate()); };
  auto worker = value_of(system.block_on(system.new_actor(coerce::ActorId("w"), make)));
  const StopToken before = value_of(system.block_on(worker.send(GetToken{})));
  (void)worker.notify(Fail{});
  const StopToken after = value_of(system.block_on(worker.send(GetToken{})));
  CHECK(before.stop_requested());
  CHECK_FALSE(after.stop_requested());
}
