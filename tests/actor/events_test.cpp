#include <coerce/actor/events.hpp>

#include <coerce/actor.hpp>

#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>
#include <vector>

using coerce::ActorContext;

namespace {

struct Fail {};
struct Touch {};

class Fragile : public coerce::Actor {
 public:
  static constexpr std::string_view type_name = "Fragile";
  void handle(Fail, ActorContext&) { throw std::runtime_error("broken"); }
  void handle(Touch, ActorContext& ctx) { ctx.stop(); }
};

class Listener : public coerce::Actor {
 public:
  explicit Listener(std::vector<std::string>& heard) : heard_(&heard) {}
  void handle(coerce::ActorStopped event, ActorContext&) { heard_->push_back(event.path.str()); }

 private:
  std::vector<std::string>* heard_;
};

coerce::ActorSystem driven() {
  return coerce::ActorSystem::builder().system_name("events").worker_threads(0).build();
}

coerce::LocalActorRef<Fragile> start(coerce::ActorSystem& system, const char* id) {
  return *system.new_actor_blocking(coerce::ActorId(id), Fragile());
}

}  // namespace

TEST_CASE("a subscriber hears of starts and ends with path, type and reason", "[events]") {
  std::vector<std::string> heard;
  auto system = driven();
  const auto on_start = [&](const coerce::ActorStarted& event) {
    heard.push_back("started " + std::string(event.path.str()) + " " + event.actor_type);
  };
  const auto on_stop = [&](const coerce::ActorStopped& event) {
    heard.push_back("stopped " + std::string(event.path.str()) + " " +
                    std::string(to_string(event.reason.kind())));
  };
  auto starts = system.events().subscribe<coerce::ActorStarted>(on_start);
  auto stops = system.events().subscribe<coerce::ActorStopped>(on_stop);
  auto actor = start(system, "a");
  system.poll();
  (void)actor.notify(Fail{});
  system.poll();
  CHECK(heard == std::vector<std::string>{
                     "started events/a Fragile",
                     "stopped events/a " + std::string(to_string(coerce::StopReasonKind::Failed))});
}

TEST_CASE("what a handler throws is published with the message and the text", "[events]") {
  std::vector<std::string> heard;
  auto system = driven();
  const auto note = [&](const coerce::HandlerFailure& event) {
    heard.push_back(std::string(event.path.str()) + ": " + event.text);
    CHECK(event.message_type.find("Fail") != std::string::npos);
  };
  auto subscription = system.events().subscribe<coerce::HandlerFailure>(note);
  auto actor = start(system, "a");
  (void)actor.notify(Fail{});
  system.poll();
  CHECK(heard == std::vector<std::string>{"events/a: broken"});
}

TEST_CASE("an accepted notify that is not handled is a dead letter, a refused one is none",
          "[events]") {
  std::vector<std::string> heard;
  auto system = driven();
  const auto note = [&](const coerce::DeadLetter& event) { heard.push_back(event.message_type); };
  auto subscription = system.events().subscribe<coerce::DeadLetter>(note);
  auto actor = start(system, "a");
  (void)actor.notify(Touch{});
  (void)actor.notify(Fail{});
  system.poll();
  REQUIRE(heard.size() == 1);
  CHECK(heard.front().find("Fail") != std::string::npos);
  const auto refused = actor.notify(Fail{});
  CHECK_FALSE(refused.has_value());
  system.poll();
  CHECK(heard.size() == 1);
}

TEST_CASE("an overrun subscription keeps the oldest events, and the loss is told", "[events]") {
  int starts = 0;
  std::uint64_t lost = 0;
  auto system = driven();
  const auto count = [&](const coerce::ActorStarted&) { ++starts; };
  const auto lag = [&](const coerce::Lagged& event) { lost += event.count; };
  auto slow = system.events().subscribe<coerce::ActorStarted>(count, {.capacity = 2});
  auto told = system.events().subscribe<coerce::Lagged>(lag);
  for (int i = 0; i < 5; ++i)
    (void)system.new_actor_deferred(coerce::ActorId(std::to_string(i)), Fragile());
  system.poll();
  CHECK(starts == 2);
  CHECK(lost == 3);
  CHECK(lost == system.events().lost_count());
}

TEST_CASE("an ended subscription hears nothing more, and may end itself", "[events]") {
  int heard = 0;
  auto system = driven();
  coerce::Subscription subscription;
  const auto once = [&](const coerce::ActorStarted&) {
    ++heard;
    subscription.end();
  };
  subscription = system.events().subscribe<coerce::ActorStarted>(once);
  auto first = start(system, "a");
  auto second = start(system, "b");
  system.poll();
  CHECK(heard == 1);
}

TEST_CASE("an actor can be the receiver of events", "[events]") {
  std::vector<std::string> heard;
  auto system = driven();
  auto listener = *system.new_actor_blocking(coerce::ActorId("listener"), Listener(heard));
  auto subscription = system.events().subscribe<coerce::ActorStopped>(
      coerce::Receiver<coerce::ActorStopped>(listener));
  auto actor = start(system, "a");
  (void)actor.notify(Touch{});
  system.poll();
  CHECK(heard == std::vector<std::string>{"events/a"});
}
