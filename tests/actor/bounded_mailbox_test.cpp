#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace coerce::test;
using coerce::ActorContext;
using coerce::ActorRefErr;
using coerce::ActorSystem;
using coerce::LocalActorRef;
using coerce::MailboxOptions;
using coerce::Overflow;
using coerce::Result;
using coerce::Task;

namespace {

using Kind = ActorRefErr::Kind;
using Numbers = std::vector<int>;

struct Number {
  using Result = int;
  explicit Number(int n) : value(n) {}
  int value;
};
struct Handled {
  using Result = Numbers;
};

/// Keeps the numbers that it gets.
template <Overflow Policy, bool Coroutine = false>
class Keeper : public coerce::Actor {
 public:
  static constexpr MailboxOptions mailbox{.capacity = 3, .overflow = Policy, .suspended = 2};

  auto handle(Number number, ActorContext&) {
    if constexpr (Coroutine)
      return later(number.value);
    else
      return keep(number.value);
  }
  Numbers handle(Handled, ActorContext&) { return numbers_; }

 private:
  int keep(int number) {
    numbers_.push_back(number);
    return number;
  }
  Task<int> later(int number) {
    co_await coerce::yield();
    co_return keep(number);
  }
  Numbers numbers_;
};

/// Nothing runs unless the test says so: what is sent waits.
template <class A>
struct Full {
  Full() : actor(start<A>(system)) {}

  std::optional<Kind> notify(int n) { return kind_of(actor.notify(Number(n))); }
  Numbers handled() {
    system.poll();
    return value_of(system.block_on(actor.send(Handled{})));
  }

  ActorSystem system = ActorSystem::builder().worker_threads(0).build();
  LocalActorRef<A> actor;
};

/// Handles nothing before its gate opens.
class Slow : public coerce::Actor {
 public:
  static constexpr MailboxOptions mailbox{.capacity = 100};
  explicit Slow(Gate gate) : gate_(std::move(gate)) {}
  int handle(Number, ActorContext&) {
    gate_.wait();
    return ++handled_;
  }
  int handled() const { return handled_; }

 private:
  Gate gate_;
  int handled_ = 0;
};

}  // namespace

TEST_CASE("a full mailbox rejects, and takes messages again when it has room", "[mailbox]") {
  Full<Keeper<Overflow::Reject>> full;
  for (int n = 1; n <= 3; ++n) CHECK_FALSE(full.notify(n));
  CHECK(full.notify(4) == Kind::MailboxFull);
  CHECK(error_of(full.system.block_on([](auto actor) -> Task<Result<int>> {
          auto answer = co_await actor.send(Number(5));
          co_return answer;
        }(full.actor)))
            .kind() == Kind::MailboxFull);
  CHECK(full.handled() == Numbers{1, 2, 3});
  for (int n = 6; n <= 8; ++n) CHECK_FALSE(full.notify(n));
  CHECK(full.notify(9) == Kind::MailboxFull);
  CHECK(full.handled() == Numbers{1, 2, 3, 6, 7, 8});
  CHECK(full.system.dead_letter_count() == 0);
}

TEST_CASE("deliver to a full mailbox gives its sender the error", "[mailbox]") {
  Full<Keeper<Overflow::Reject>> full;
  for (int n = 1; n <= 3; ++n) CHECK_FALSE(full.notify(n));
  Event<Result<int>> answer;
  full.actor.deliver(Number(4), sender_into(answer));
  CHECK(error_of(answer.wait()).kind() == Kind::MailboxFull);
}

TEST_CASE("under Suspend awaited sends wait for their turn, up to a limit", "[mailbox]") {
  Full<Keeper<Overflow::Suspend>> full;
  for (int n = 1; n <= 3; ++n) CHECK_FALSE(full.notify(n));
  CHECK(full.notify(4) == Kind::MailboxFull);
  const auto answers = full.system.block_on(coerce::when_all(
      full.actor.send(Number(5)), full.actor.send(Number(6)), full.actor.send(Number(7))));
  CHECK(value_of(std::get<0>(answers)) == 5);
  CHECK(value_of(std::get<1>(answers)) == 6);
  CHECK(error_of(std::get<2>(answers)).kind() == Kind::MailboxFull);
  CHECK(full.handled() == Numbers{1, 2, 3, 5, 6});
}

TEMPLATE_TEST_CASE("under DropOldest the newest messages are kept, in order", "[mailbox]",
                   (Keeper<Overflow::DropOldest>), (Keeper<Overflow::DropOldest, true>)) {
  Full<TestType> full;
  Event<Result<int>> dropped;
  full.actor.deliver(Number(0), sender_into(dropped));
  for (int n = 1; n <= 4; ++n) CHECK_FALSE(full.notify(n));
  CHECK(error_of(dropped.wait()).kind() == Kind::MailboxFull);
  CHECK(full.system.dead_letter_count() == 1);
  CHECK(full.handled() == Numbers{2, 3, 4});
  for (int n = 5; n <= 7; ++n) CHECK_FALSE(full.notify(n));
  CHECK(full.handled() == Numbers{2, 3, 4, 5, 6, 7});
}

TEMPLATE_TEST_CASE("a stop reaches an actor whose mailbox is full", "[mailbox]",
                   (Keeper<Overflow::Reject>), (Keeper<Overflow::DropOldest>),
                   (Keeper<Overflow::Suspend>)) {
  Full<TestType> full;
  Event<Result<int>> answer;
  full.actor.deliver(Number(1), sender_into(answer));
  for (int n = 2; n <= 3; ++n) CHECK_FALSE(full.notify(n));
  CHECK(full.system.block_on(full.actor.stop()));
  CHECK(error_of(answer.wait()).kind() == Kind::ResultChannelClosed);
  CHECK(full.system.dead_letter_count() == 2);
  CHECK(full.notify(4) == Kind::InvalidRef);
}

TEST_CASE("the depth of a bounded mailbox is described", "[mailbox]") {
  Full<Keeper<Overflow::Reject>> rejecting;
  Full<Keeper<Overflow::DropOldest>> dropping;
  const auto depth = [](auto& full) {
    for (int n = 1; n <= 3; ++n) (void)full.notify(n);
    return full.system.block_on(full.actor.describe()).description().mailbox_depth;
  };
  CHECK(depth(rejecting) <= 4);
  CHECK(depth(dropping) <= 4);
}

TEST_CASE("the system's mailbox holds for classes without one of their own", "[mailbox]") {
  auto system = ActorSystem::builder().worker_threads(0).mailbox({.capacity = 2}).build();
  const auto plain = start<TestActor>(system);
  const auto own = start<Keeper<Overflow::Reject>>(system);
  for (int n = 0; n < 2; ++n) CHECK(plain.notify(SetStatusRequest(TestActorStatus::Active)));
  CHECK(kind_of(plain.notify(SetStatusRequest(TestActorStatus::Active))) == Kind::MailboxFull);
  for (int n = 0; n < 3; ++n) CHECK(own.notify(Number(n)));
}

TEST_CASE("many senders never get more into a bounded mailbox than it holds", "[mailbox]") {
  auto system = make_system();
  Gate gate;
  const auto slow = start<Slow>(system, gate);
  const OpenAtEnd open(gate);
  std::atomic<int> taken{0};
  std::vector<std::thread> senders;
  for (int i = 0; i < 4; ++i)
    senders.emplace_back([&] {
      for (int n = 0; n < 1000; ++n)
        if (slow.notify(Number(n))) ++taken;
    });
  for (auto& sender : senders) sender.join();
  CHECK(taken >= 100);
  CHECK(taken <= 101);  // and the one that is being handled
  gate.open();
  const auto handled = [](Slow& self) { return self.handled(); };
  CHECK(value_of(system.block_on([](auto ref, auto ask) -> Task<Result<int>> {
          for (;;) {
            auto answer = co_await ref.exec(ask);
            if (answer || answer.error().kind() != Kind::MailboxFull) co_return answer;
            co_await coerce::yield();
          }
        }(slow, handled))) == taken);
}

namespace {

/// One question after the other; how many were refused.
Task<int> ask_again_and_again(LocalActorRef<Keeper<Overflow::Reject>> keeper, int questions) {
  int refused = 0;
  for (int n = 0; n < questions; ++n) {
    auto answer = co_await keeper.send(Number(n));
    if (!answer) ++refused;
  }
  co_return refused;
}

}  // namespace

TEST_CASE("a mailbox that holds what its senders have on the way refuses none of it", "[mailbox]") {
  auto system = make_system();
  const auto keeper = start<Keeper<Overflow::Reject>>(system);
  const auto [first, second, third] = system.block_on(
      coerce::when_all(ask_again_and_again(keeper, 20'000), ask_again_and_again(keeper, 20'000),
                       ask_again_and_again(keeper, 20'000)));
  CHECK(first == 0);
  CHECK(second == 0);
  CHECK(third == 0);
}
