#include <coerce/actor/detail/foreign.hpp>

#include <catch2/catch.hpp>

#include <coerce/actor/scheduled_notify.hpp>
#include <coerce/actor/system.hpp>

namespace {

struct Echo {
  using Result = std::string;
  explicit Echo(std::string what) : text(std::move(what)) {}
  std::string text;
};
struct Poke {};

class Parrot : public coerce::Actor {
 public:
  std::string handle(Echo message, coerce::ActorContext&) { return message.text; }
  void handle(Poke, coerce::ActorContext&) {}
};

class Watcher : public coerce::Actor {
 public:
  explicit Watcher(int& count) : count_(&count) {}
  void handle(coerce::ActorTerminated, coerce::ActorContext&) { ++*count_; }
  void handle(Poke, coerce::ActorContext&) {}

 private:
  int* count_;
};

/// Another node that answers at once, or refuses.
class Node : public coerce::detail::ForeignPort {
 public:
  coerce::NodeId node_id() const noexcept override { return 7; }
  std::optional<coerce::ActorRefErr> deliver(
      coerce::detail::ForeignCell&,
      const coerce::detail::ForeignMessage& message) noexcept override {
    if (refuses) return coerce::ActorRefErr::Unreachable("no link");
    if (message.message_key == &coerce::detail::kMessageKey<Poke>) {
      ++pokes;
      return std::nullopt;
    }
    auto& asker = static_cast<coerce::detail::SendEnvelope<Echo>&>(*message.asker);
    asker.answer.emplace(static_cast<const Echo*>(message.payload)->text + "!");
    coerce::detail::complete_slow(coerce::detail::thread_state(), asker);
    return std::nullopt;
  }
  coerce::Task<coerce::Result<coerce::ActorStatus>> status(coerce::detail::CellRef) override {
    co_return coerce::ActorStatus::Started;
  }
  coerce::Task<coerce::Result<void>> stop(coerce::detail::CellRef) override {
    ++stops;
    co_return coerce::Result<void>();
  }
  coerce::Result<void> notify_stop(coerce::detail::ForeignCell&) override {
    ++stops;
    return {};
  }
  coerce::Task<coerce::DescribeResult> describe(coerce::detail::CellRef target,
                                                coerce::DescribeOptions) override {
    co_return coerce::DescribeResult(target->id(), target->full_path(),
                                     coerce::ActorRefErr::Unreachable());
  }
  coerce::Result<void> watch(coerce::detail::Cell& watcher,
                             coerce::detail::ForeignCell& target) override {
    ++watches;
    if (refuses_watches) return coerce::unexpected(coerce::ActorRefErr::Overloaded());
    if (is_alive) return {};
    coerce::detail::tell_terminated(watcher, target,
                                    coerce::StopReason(coerce::StopReasonKind::NodeLost));
    return {};
  }
  void unwatch(coerce::detail::Cell&, coerce::detail::ForeignCell&) noexcept override {
    ++unwatches;
  }

  bool refuses_watches = false;
  bool is_alive = false;  ///< what is watched; else it has ended
  bool refuses = false;
  int pokes = 0, stops = 0, watches = 0, unwatches = 0;
};

struct World {
  coerce::ActorSystem system = coerce::ActorSystem::builder().worker_threads(0).build();
  std::shared_ptr<Node> node = std::make_shared<Node>();
  coerce::ActorRef<Parrot> parrot{coerce::detail::ForeignCell::make(
      system.core(), "polly", &coerce::detail::kActorKey<Parrot>, "Parrot", node)};
};

}  // namespace

TEST_CASE("A reference to an actor of another node has the verbs of a local one") {
  World world;
  REQUIRE(world.parrot.is_remote());
  REQUIRE(world.parrot.node_id() == 7);
  REQUIRE(world.parrot.actor_path() == coerce::ActorPath("node-7"));
  auto answer = world.system.block_on(world.parrot.send<Echo>("hello"));
  REQUIRE(answer.value() == "hello!");
  auto timed = world.system.block_on(world.parrot.send_for<Echo>(std::chrono::seconds(1), "hi"));
  REQUIRE(timed.value() == "hi!");
  REQUIRE(world.parrot.notify(Poke{}).has_value());
  coerce::Receiver<Poke> receiver(world.parrot);
  REQUIRE(receiver.notify(Poke{}).has_value());
  std::optional<std::string> delivered;
  world.parrot.deliver(Echo("x"), [&](coerce::Result<std::string> text) { delivered = *text; });
  REQUIRE(delivered == "x!");
  REQUIRE(world.node->pokes == 2);
  REQUIRE(world.system.block_on(world.parrot.status()).value() == coerce::ActorStatus::Started);
  REQUIRE(world.system.block_on(world.parrot.stop()).has_value());
  REQUIRE_THROWS_AS(world.parrot.unwrap_local(), std::logic_error);
  coerce::BoxedActorRef boxed = world.parrot;
  REQUIRE(boxed.actor_type() == "Parrot");
  REQUIRE_FALSE(boxed.as_actor<Parrot>().has_value());
}

TEST_CASE("What cannot go to another node gives its sender the reason") {
  World world;
  world.node->refuses = true;
  auto answer = world.system.block_on(world.parrot.send<Echo>("hello"));
  REQUIRE(answer.error().kind() == coerce::ActorRefErrKind::Unreachable);
  auto timed = world.system.block_on(world.parrot.send_for<Echo>(std::chrono::seconds(1), "hi"));
  REQUIRE(timed.error().kind() == coerce::ActorRefErrKind::Unreachable);
  REQUIRE(world.parrot.notify(Poke{}).error().kind() == coerce::ActorRefErrKind::Unreachable);
  auto scheduled = world.parrot.scheduled_notify(Poke{}, coerce::Duration::zero());
  world.system.poll();
  REQUIRE(world.system.dead_letter_count() == 1);
}

TEST_CASE("An actor of another node is watched through its node and is nobody's child") {
  World world;
  int told = 0;
  auto watcher = world.system.block_on(world.system.new_anon_actor(Watcher(told)));
  auto watching = world.system.block_on(watcher->exec([](Watcher&) {}));
  REQUIRE(watching.has_value());
  auto& context = static_cast<coerce::ActorContext&>(*watcher->cell());
  REQUIRE(context.watch(world.parrot).has_value());
  world.system.poll();
  REQUIRE(told == 1);
  REQUIRE(context.watch(world.parrot).has_value());
  context.unwatch(world.parrot);
  REQUIRE(world.node->unwatches == 1);
  world.node->refuses_watches = true;
  REQUIRE(context.watch(world.parrot).error().kind() == coerce::ActorRefErrKind::Overloaded);
  world.node->refuses_watches = false;
  REQUIRE(context.watch(world.parrot).has_value());  // the refused one was not kept
  world.system.poll();
  REQUIRE(told == 2);
  REQUIRE(context.attach_child_ref(world.parrot).error().kind() ==
          coerce::ActorRefErrKind::NotSupported);
}

TEST_CASE("References that were made apart stand for one watched actor") {
  World world;
  world.node->is_alive = true;
  const coerce::ActorRef<Parrot> other(coerce::detail::ForeignCell::make(
      world.system.core(), "polly", &coerce::detail::kActorKey<Parrot>, "Parrot", world.node));
  const coerce::ActorRef<Parrot> neighbour(coerce::detail::ForeignCell::make(
      world.system.core(), "molly", &coerce::detail::kActorKey<Parrot>, "Parrot", world.node));
  int told = 0;
  auto watcher = world.system.block_on(world.system.new_anon_actor(Watcher(told)));
  auto& context = static_cast<coerce::ActorContext&>(*watcher->cell());
  REQUIRE(context.watch(world.parrot).has_value());
  REQUIRE(context.watch(other).has_value());
  REQUIRE(world.node->watches == 1);
  REQUIRE(context.watch(neighbour).has_value());
  REQUIRE(world.node->watches == 2);
  context.unwatch(other);
  REQUIRE(world.node->unwatches == 1);
  context.unwatch(world.parrot);
  REQUIRE(world.node->unwatches == 1);
  REQUIRE(context.watch(other).has_value());
  REQUIRE(world.node->watches == 3);
}
