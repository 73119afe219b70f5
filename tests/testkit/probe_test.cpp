#include <coerce/testkit/probe.hpp>

#include <coerce/runtime/sleep.hpp>

#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "testkit/support.hpp"

namespace coerce::test::probe_cases {
namespace {

using namespace std::chrono_literals;

using testkit::ExpectationFailed;
using testkit::TestProbe;
using testkit::TestSystem;

struct Ping {
  int number = 0;
  friend bool operator==(const Ping&, const Ping&) = default;
};

struct Pong {
  std::string text;
};

struct Question {
  using Result = std::string;
  int number = 0;
};

struct Command {
  using Result = void;
};

struct Unique {
  std::unique_ptr<int> value;
};

Task<void> ping_after(Duration delay, Receiver<Ping> to, int number) {
  (void)co_await sleep_for(delay);
  (void)to.notify(Ping{number});
}

template <class P>
Task<Result<std::string>> ask(const P& probe, int number) {
  return as_task(probe.ref().send(Question{number}));
}

TEST_CASE("a probe gives the messages in the order of their coming", "[probe]") {
  TestSystem test;
  auto probe = test.probe<Ping>();
  (void)probe.ref().notify(Ping{1});
  (void)probe.ref().notify(Ping{2});
  CHECK(probe.receive() == Ping{1});
  CHECK(probe.expect(Ping{2}) == Ping{2});
  probe.expect_none();
}

TEST_CASE("a timer ticks at a probe, also with a message that has an answer", "[probe]") {
  TestSystem test;
  auto probe = test.probe<Question>();
  auto timer = Timer::start(probe.ref(), 1s, Question{7});
  test.advance(3500ms);
  for (int tick = 0; tick < 3; ++tick) CHECK(probe.receive().number == 7);
  probe.expect_none();
  timer.stop();
}

TEST_CASE("a probe is a receiver of its messages", "[probe]") {
  TestSystem test;
  auto probe = test.probe<Ping>();
  const Receiver<Ping> receiver = probe.ref();
  (void)receiver.notify(Ping{1});
  probe.expect([](const Ping& ping) { return ping.number == 1; });
}

TEST_CASE("a probe lets time pass until the message comes, and no longer", "[probe]") {
  TestSystem test;
  auto probe = test.probe<Ping>();
  test.system().spawn(ping_after(2s, probe.ref(), 1));
  probe.expect(Ping{1}, 3s);
  CHECK(test.now() == 2s);
}

TEST_CASE("a message that comes too late fails the expectation at its time", "[probe]") {
  TestSystem test;
  auto probe = test.probe<Ping>();
  test.system().spawn(ping_after(3001ms, probe.ref(), 1));
  CHECK_THROWS_WITH(probe.expect(Ping{1}), Catch::Contains("Ping within 3 s, but nothing came"));
  CHECK(test.now() == 3s);
}

TEST_CASE("another message than the expected fails the expectation", "[probe]") {
  TestSystem test;
  auto probe = test.probe<Ping>();
  (void)probe.ref().notify(Ping{1});
  CHECK_THROWS_AS(probe.expect(Ping{2}), ExpectationFailed);
  (void)probe.ref().notify(Ping{1});
  CHECK_THROWS_AS(probe.expect([](const Ping& ping) { return ping.number == 2; }),
                  ExpectationFailed);
}

TEST_CASE("expect_none() fails for a message within its time only", "[probe]") {
  TestSystem test;
  auto probe = test.probe<Ping>();
  test.system().spawn(ping_after(2s, probe.ref(), 1));
  probe.expect_none();
  probe.expect_none(1999ms);
  CHECK(test.now() == 1999ms);
  CHECK_THROWS_WITH(probe.expect_none(1ms), Catch::Contains("expected no message"));
}

TEST_CASE("fish_for() drops what does not fit", "[probe]") {
  TestSystem test;
  auto probe = test.probe<Ping>();
  for (int i = 0; i < 5; ++i) (void)probe.ref().notify(Ping{i});
  CHECK(probe.fish_for([](const Ping& ping) { return ping.number == 3; }) == Ping{3});
  CHECK(probe.receive() == Ping{4});
}

TEST_CASE("fish_for() fails when its time is over, however much comes", "[probe]") {
  TestSystem test;
  auto probe = test.probe<Ping>();
  for (int i = 1; i <= 5; ++i) test.system().spawn(ping_after(i * 1s, probe.ref(), i));
  CHECK_THROWS_WITH(probe.fish_for([](const Ping&) { return false; }, 3s),
                    Catch::Contains("only 3 others came"));
  CHECK(test.now() == 3s);
}

TEST_CASE("a probe may take messages of several types, in one order", "[probe]") {
  TestSystem test;
  auto probe = test.probe<Ping, Pong>();
  (void)probe.ref().notify(Ping{1});
  (void)probe.ref().notify<Pong>("two");
  (void)probe.ref().notify(Ping{3});
  (void)probe.ref().notify<Pong>("four");
  probe.expect(Ping{1});
  CHECK(probe.receive<Pong>().text == "two");
  CHECK_THROWS_WITH(probe.receive<Pong>(), Catch::Contains("Ping came"));
  probe.expect<Pong>([](const auto& pong) { return pong.text == "four"; });
}

TEST_CASE("a probe takes messages that can only be moved", "[probe]") {
  TestSystem test;
  auto probe = test.probe<Unique>();
  (void)probe.ref().notify<Unique>(std::make_unique<int>(7));
  CHECK(*probe.receive().value == 7);
}

TEST_CASE("a probe holds a question until it is answered", "[probe]") {
  TestSystem test;
  auto probe = test.probe<Question>();
  std::optional<Result<std::string>> answer;
  const auto asker = [&]() -> Task<void> { answer = co_await ask(probe, 7); };
  test.system().spawn(asker());
  CHECK(probe.receive().number == 7);
  test.advance(1h);
  CHECK_FALSE(answer.has_value());
  probe.reply("seven");
  test.run_until_idle();
  CHECK(answer.value().value() == "seven");
}

TEST_CASE("a probe may answer with an error", "[probe]") {
  TestSystem test;
  auto probe = test.probe<Question>();
  std::optional<Result<std::string>> answer;
  const auto asker = [&]() -> Task<void> { answer = co_await ask(probe, 7); };
  test.system().spawn(asker());
  (void)probe.receive();
  probe.reply(coerce::unexpected(ActorRefErr::Overloaded("busy")));
  test.run_until_idle();
  CHECK(answer.value().error().kind() == ActorRefErr::Kind::Overloaded);
}

TEST_CASE("a question without a result is answered by an empty reply", "[probe]") {
  TestSystem test;
  auto probe = test.probe<Command>();
  bool done = false;
  const auto asker = [&]() -> Task<void> {
    const auto answer = co_await probe.ref().send(Command{});
    done = answer.has_value();
  };
  test.system().spawn(asker());
  (void)probe.receive();
  probe.reply();
  test.run_until_idle();
  CHECK(done);
}

TEST_CASE("a reply that nobody waits for fails", "[probe]") {
  TestSystem test;
  auto probe = test.probe<Question, Ping>();
  CHECK_THROWS_AS(probe.reply("none"), ExpectationFailed);
  (void)probe.ref().notify(Question{1});
  (void)probe.receive<Question>();
  CHECK_THROWS_AS(probe.reply("none"), ExpectationFailed);
  (void)probe.ref().notify(Ping{1});
  (void)probe.receive<Ping>();
  CHECK_THROWS_AS(probe.reply("none"), ExpectationFailed);
}

TEST_CASE("an answer that was set beforehand is given at once", "[probe]") {
  TestSystem test;
  auto probe = test.probe<Question>();
  probe.answer_with([](const Question& question) { return std::to_string(question.number); });
  CHECK(test.run(ask(probe, 7)).value() == "7");
  CHECK(test.run(probe.ref().send(Question{8}, 1s)).value() == "8");
  CHECK(probe.receive().number == 7);
  CHECK(probe.receive().number == 8);
}

TEST_CASE("a set answer that throws fails the question", "[probe]") {
  TestSystem test;
  auto probe = test.probe<Question>();
  probe.answer_with([](const Question&) -> std::string { throw std::runtime_error("no idea"); });
  CHECK(test.run(ask(probe, 7)).error().detail() == "no idea");
}

TEST_CASE("questions that are never answered end with the probe", "[probe]") {
  TestSystem test;
  std::optional<TestProbe<Question>> probe = test.probe<Question>();
  int closed = 0;
  const auto asker = [&](LocalActorRef<testkit::detail::ProbeActor<Question>> to) -> Task<void> {
    const auto answer = co_await to.send(Question{1});
    closed += !answer && answer.error().kind() == ActorRefErr::Kind::ResultChannelClosed ? 1 : 0;
  };
  for (int i = 0; i < 3; ++i) test.system().spawn(asker(probe->ref()));
  (void)probe->receive();
  (void)probe->receive();
  test.run_until_idle();
  CHECK(closed == 0);
  probe.reset();
  test.run_until_idle();
  CHECK(closed == 3);
}

TEST_CASE("questions that are never answered end with the system", "[probe]") {
  int closed = 0;
  {
    TestSystem test;
    auto probe = test.probe<Question>();
    const auto asker = [&]() -> Task<void> {
      const auto answer = co_await probe.ref().send(Question{1});
      closed += answer ? 0 : 1;
    };
    test.system().spawn(asker());
    (void)probe.receive();
    test.shutdown();
  }
  CHECK(closed == 1);
}

TEST_CASE("a question to a probe may time out before it is answered", "[probe]") {
  TestSystem test;
  auto probe = test.probe<Question>();
  CHECK(test.run(probe.ref().send(Question{1}, 1s)).error().kind() == ActorRefErr::Kind::Timeout);
  (void)probe.receive();
  probe.reply("too late");  // nobody hears it
  test.run_until_idle();
}

TEST_CASE("a probe is told of the end of an actor that it watches", "[probe]") {
  TestSystem test({.show_log = false});
  const auto thrower = test.start<Thrower>("thrower");
  auto probe = test.probe<ActorTerminated>();
  probe.watch(thrower);
  probe.expect_none(1s);
  (void)thrower.notify(Throw{"out of paper"});
  const auto ended = probe.receive();
  CHECK(ended.actor_ref().actor_id().view() == "thrower");
  CHECK(ended.reason().kind() == StopReason::Kind::Failed);
}

TEST_CASE("probes have names for the trace", "[probe]") {
  TestSystem test;
  CHECK(test.probe<Ping>().ref().actor_id().view() == "probe-1");
  CHECK(test.probe<Ping>().ref().actor_id().view() == "probe-2");
  CHECK(test.probe<Ping>("printer").ref().actor_id().view() == "printer");
}

TEST_CASE("a probe's actor ends with its last reference", "[probe]") {
  TestSystem test;
  (void)test.probe<Ping>();
  test.run_until_idle();
  CHECK(test.system().live_actor_count() == 0);
}

}  // namespace
}  // namespace coerce::test::probe_cases
