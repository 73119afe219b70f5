#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <cstddef>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace chat {  // messages of somebody else, who has never heard of coerce

struct Joined {
  std::size_t members;
};

struct Join {
  explicit Join(std::string member) : name(std::move(member)) {}
  std::string name;
};

}  // namespace chat

template <>
struct coerce::MessageTraits<chat::Join> {
  using Result = chat::Joined;
};

using namespace coerce::test;
using coerce::ActorContext;
using coerce::ActorRefErr;
using coerce::LocalActorRef;
using coerce::Result;
using coerce::Task;
using Kind = ActorRefErr::Kind;

namespace {

// ── Every way in which a handler may return ─────────────────────────────────────────────────────

struct Halve {
  using Result = int;
  int number;
};

struct HalveResult {
  using Result = int;
  int number;
};

struct HalveTask {
  using Result = int;
  int number;
};

struct HalveTaskResult {
  using Result = int;
  int number;
};

struct CheckEven {  // void, as Result<void>
  int number;
};

struct Withdraw {  // an expected with an error type of the user's is an ordinary result
  using Result = coerce::Result<int, std::string>;
  int amount;
};

class HalvingActor : public coerce::Actor {
 public:
  int handle(Halve message, ActorContext&) { return message.number / 2; }

  Result<int> handle(HalveResult message, ActorContext&) { return halve(message.number); }

  Task<int> handle(HalveTask message, ActorContext&) {
    (void)co_await coerce::yield();
    co_return message.number / 2;
  }

  Task<Result<int>> handle(HalveTaskResult message, ActorContext&) {
    (void)co_await coerce::yield();
    co_return halve(message.number);
  }

  Result<void> handle(CheckEven message, ActorContext&) {
    if (message.number % 2 != 0) return coerce::unexpected(ActorRefErr::HandlerFailed("odd"));
    return {};
  }

  coerce::Result<int, std::string> handle(Withdraw message, ActorContext&) {
    if (message.amount > 100) return coerce::unexpected(std::string("not enough money"));
    return 100 - message.amount;
  }

 private:
  static Result<int> halve(int number) {
    if (number % 2 != 0) return coerce::unexpected(ActorRefErr::HandlerFailed("odd"));
    return number / 2;
  }
};

// ── Payloads ────────────────────────────────────────────────────────────────────────────────────

struct Repeat {  // an aggregate that owns memory: what in-place sending is for
  using Result = std::string;
  std::string text;
  int times;
};

struct Parcel {  // can be moved, not copied, and so can its result
  using Result = std::unique_ptr<int>;
  explicit Parcel(std::unique_ptr<int> item) : content(std::move(item)) {}
  std::unique_ptr<int> content;
};

struct PayloadCount {
  using Result = int;
};

class PostOffice : public coerce::Actor {
 public:
  std::string handle(const Repeat& message, ActorContext&) {
    ++count_;
    std::string repeated;
    for (int i = 0; i < message.times; ++i) repeated += message.text;
    return repeated;
  }

  std::unique_ptr<int> handle(Parcel parcel, ActorContext&) {
    ++count_;
    ++*parcel.content;
    return std::move(parcel.content);
  }

  chat::Joined handle(chat::Join join, ActorContext&) {
    members_.push_back(std::move(join.name));
    return chat::Joined{members_.size()};
  }

  int handle(PayloadCount, ActorContext&) { return count_; }

 private:
  int count_ = 0;
  std::vector<std::string> members_;
};

// ── Order ───────────────────────────────────────────────────────────────────────────────────────

struct Number {
  int value;
};

struct Numbers {
  using Result = std::vector<int>;
};

/// Keeps the numbers that it is sent, taking its time over every seventh.
class Collector : public coerce::Actor {
 public:
  Task<void> handle(Number message, ActorContext&) {
    if (message.value % 7 == 0) (void)co_await coerce::yield();
    numbers_.push_back(message.value);
  }

  std::vector<int> handle(Numbers, ActorContext&) { return numbers_; }

 private:
  std::vector<int> numbers_;
};

std::vector<int> numbers_up_to(int count) {
  std::vector<int> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

// ── What the concepts say ───────────────────────────────────────────────────────────────────────

struct Unheard {};

struct AlmostNumber {
  operator Number() const { return Number{0}; }  // converts, but is not a Number
};

class Secretive : public coerce::Actor {
 private:
  void handle(Number, ActorContext&) {}
};

static_assert(coerce::Message<GetCounterRequest>);
static_assert(coerce::Handler<TestActor, GetCounterRequest>);
static_assert(coerce::Handler<HalvingActor, HalveResult>);
static_assert(coerce::Handler<HalvingActor, HalveTask>);
static_assert(coerce::Handler<HalvingActor, HalveTaskResult>);
static_assert(coerce::Handler<HalvingActor, Withdraw>);
static_assert(coerce::Handler<PostOffice, chat::Join>);
static_assert(coerce::Handler<Collector, Number>);
static_assert(!coerce::Handler<Collector, Unheard>);
static_assert(!coerce::Handler<Collector, AlmostNumber>, "an exact match is asked for");
static_assert(!coerce::Handler<Secretive, Number>, "a private handler is none");

}  // namespace

// ── Send ────────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("a new TestActor has no status", "[messaging][B-003]") {
  auto system = make_system();
  auto actor = start<TestActor>(system);
  CHECK(value_of(system.block_on(actor.send(GetStatusRequest{}))) == std::nullopt);
}

TEST_CASE("two types of actor answer the same message", "[messaging][B-004]") {
  auto system = make_system();
  auto test = start<TestActor>(system);
  auto echo = start<EchoActor>(system);
  CHECK(value_of(system.block_on(test.send(GetCounterRequest{}))) == 42);
  CHECK(value_of(system.block_on(echo.send(GetCounterRequest{}))) == 42);
}

TEST_CASE("an actor keeps what it was told from one message to the next", "[messaging][B-005]") {
  auto system = make_system();
  auto actor = start<TestActor>(system);
  const auto status = [&] { return value_of(system.block_on(actor.send(GetStatusRequest{}))); };
  const auto set_status = [&](TestActorStatus next) {
    return value_of(system.block_on(actor.send(SetStatusRequest{next})));
  };

  CHECK(status() == std::nullopt);
  CHECK(set_status(TestActorStatus::Active) == SetStatusResponse::Ok);
  CHECK(status() == TestActorStatus::Active);
  CHECK(set_status(TestActorStatus::Inactive) == SetStatusResponse::Ok);
  CHECK(status() == TestActorStatus::Inactive);
}

TEST_CASE("send gives a flat result, whichever way the handler returns", "[messaging]") {
  auto system = make_system();
  auto actor = start<HalvingActor>(system);

  CHECK(value_of(system.block_on(actor.send(Halve{8}))) == 4);
  CHECK(value_of(system.block_on(actor.send(HalveResult{8}))) == 4);
  CHECK(value_of(system.block_on(actor.send(HalveTask{8}))) == 4);
  CHECK(value_of(system.block_on(actor.send(HalveTaskResult{8}))) == 4);
  CHECK(system.block_on(actor.send(CheckEven{8})).has_value());
}

TEST_CASE("an error that a handler returns goes to its sender alone, and the actor lives",
          "[messaging]") {
  auto system = make_system();
  auto actor = start<HalvingActor>(system);

  for (const auto& error : {error_of(system.block_on(actor.send(HalveResult{7}))),
                            error_of(system.block_on(actor.send(HalveTaskResult{7}))),
                            error_of(system.block_on(actor.send(CheckEven{7})))}) {
    CHECK(error.kind() == Kind::HandlerFailed);
    CHECK(error.detail() == "odd");
  }
  CHECK(value_of(system.block_on(actor.send(Halve{8}))) == 4);
}

TEST_CASE("a result that is an expected with another error passes through", "[messaging]") {
  auto system = make_system();
  auto actor = start<HalvingActor>(system);

  const auto paid = value_of(system.block_on(actor.send(Withdraw{30})));
  REQUIRE(paid.has_value());
  CHECK(*paid == 70);

  const auto refused = value_of(system.block_on(actor.send(Withdraw{130})));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error() == "not enough money");
}

TEST_CASE("a message type that knows nothing of coerce has its result declared by MessageTraits",
          "[messaging]") {
  auto system = make_system();
  auto actor = start<PostOffice>(system);
  CHECK(value_of(system.block_on(actor.send(chat::Join("leon")))).members == 1);
  CHECK(value_of(system.block_on(actor.send<chat::Join>("jess"))).members == 2);
}

TEST_CASE("a message and its result need only be movable", "[messaging]") {
  auto system = make_system();
  auto actor = start<PostOffice>(system);
  auto parcel = value_of(system.block_on(actor.send(Parcel(std::make_unique<int>(1)))));
  CHECK(*parcel == 2);
  parcel = value_of(system.block_on(actor.send<Parcel>(std::move(parcel))));
  CHECK(*parcel == 3);
}

// ── In place ────────────────────────────────────────────────────────────────────────────────────

namespace {

/// Every form of sending an aggregate that owns memory from within a coroutine. A braced temporary
/// is not among them: GCC 12 would destroy it twice, so the library refuses it.
Task<std::vector<Result<std::string>>> repeat_in_every_form(LocalActorRef<PostOffice> office) {
  std::vector<Result<std::string>> answers;
  auto in_place = co_await office.send<Repeat>("in place ", 2);
  answers.push_back(std::move(in_place));
  auto timed = co_await office.send_for<Repeat>(patience, "in time ", 2);
  answers.push_back(std::move(timed));

  Repeat named{"a name long enough to need the heap ", 2};
  auto copied = co_await office.send(named);
  answers.push_back(std::move(copied));
  co_return answers;
}

}  // namespace

TEST_CASE("an aggregate that owns memory is sent in place, in time or from a name", "[messaging]") {
  auto system = make_system();
  auto office = start<PostOffice>(system);
  const auto answers = system.block_on(repeat_in_every_form(office));

  REQUIRE(answers.size() == 3);
  CHECK(value_of(answers[0]) == "in place in place ");
  CHECK(value_of(answers[1]) == "in time in time ");
  CHECK(value_of(answers[2]) ==
        "a name long enough to need the heap a name long enough to need the heap ");
}

TEST_CASE("notify builds a message in place too", "[messaging]") {
  auto system = make_system();
  auto office = start<PostOffice>(system);
  REQUIRE(office.notify<Repeat>("once", 1).has_value());
  REQUIRE(office.notify<Parcel>(std::make_unique<int>(1)).has_value());
  CHECK(value_of(system.block_on(office.send(PayloadCount{}))) == 2);
}

TEST_CASE("an actor can be built in place", "[messaging]") {
  Event<SetStatusRequest> received;
  auto system = make_system();
  auto actor =
      value_of(system.block_on(coerce::into_actor<Forwarder>("forwarder", system, received)));
  CHECK(actor.actor_id().view() == "forwarder");
  REQUIRE(actor.notify<SetStatusRequest>(TestActorStatus::Active).has_value());
  CHECK(received.wait().status == TestActorStatus::Active);
}

// ── Order ───────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("messages of one sender are handled in the order in which they were sent",
          "[messaging][B-008]") {
  constexpr int count = 10'000;
  auto system = make_system();
  auto actor = start<Collector>(system);
  for (int i = 0; i < count; ++i) REQUIRE(actor.notify(Number{i}).has_value());
  const auto numbers = value_of(system.block_on(actor.send(Numbers{})));
  CHECK(numbers == numbers_up_to(count));
}

TEST_CASE("a notify from a thread of the user's arrives", "[messaging]") {
  constexpr int count = 100;
  auto system = make_system();
  auto actor = start<Collector>(system);
  std::thread outside([&actor] {
    for (int i = 0; i < count; ++i) (void)actor.notify(Number{i});
  });
  outside.join();
  const auto numbers = value_of(system.block_on(actor.send(Numbers{})));
  CHECK(numbers == numbers_up_to(count));
}

// ── Exec ────────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("exec runs a function inside the actor", "[messaging][B-006]") {
  auto system = make_system();
  auto actor = start<TestActor>(system);
  CHECK(value_of(system.block_on(actor.send(GetStatusRequest{}))) == std::nullopt);

  const auto executed =
      system.block_on(actor.exec([](TestActor& self) { self.status = TestActorStatus::Active; }));
  CHECK(executed.has_value());
  CHECK(value_of(system.block_on(actor.send(GetStatusRequest{}))) == TestActorStatus::Active);
}

TEST_CASE("exec gives what the function returns", "[messaging][B-007]") {
  auto system = make_system();
  auto actor = start<TestActor>(system);
  value_of(system.block_on(actor.exec([](TestActor& self) { self.counter = 1; })));
  value_of(system.block_on(actor.exec([](TestActor& self) { self.counter = 2; })));
  CHECK(value_of(system.block_on(actor.exec([](TestActor& self) { return self.counter; }))) == 2);
}

TEST_CASE("notify_exec runs in order, and before an exec that follows", "[messaging][B-008]") {
  auto system = make_system();
  auto actor = start<TestActor>(system);
  for (int i = 1; i <= 25; ++i) {
    REQUIRE(actor.notify_exec([i](TestActor& self) { self.counter = i; }).has_value());
  }
  CHECK(value_of(system.block_on(actor.exec([](TestActor& self) { return self.counter; }))) == 25);
}

// ── Deliver ─────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("deliver gives the answer to the sender that the caller brings", "[messaging]") {
  Event<Result<int>> answer;
  auto system = make_system();
  auto actor = start<TestActor>(system);
  actor.deliver(GetCounterRequest{}, sender_into(answer));
  CHECK(value_of(answer.wait()) == 42);
}

TEST_CASE("a delivered message whose actor stops before it brings an error", "[messaging]") {
  Gate entered;
  Gate release;
  Event<Result<int>> answer;
  auto system = make_system();
  const OpenAtEnd opener(release);
  auto actor = start<HeldActor>(system, entered, release);

  REQUIRE(actor.notify(HoldThenStop{}).has_value());
  REQUIRE(entered.wait());
  actor.deliver(GetCounterRequest{}, sender_into(answer));
  release.open();
  CHECK(error_of(answer.wait()).kind() == Kind::ResultChannelClosed);
}

TEST_CASE("a message delivered to a stopped actor brings an error", "[messaging]") {
  Event<Result<int>> answer;
  auto system = make_system();
  auto actor = start<TestActor>(system);
  REQUIRE(system.block_on(actor.stop()).has_value());
  actor.deliver(GetCounterRequest{}, sender_into(answer));
  CHECK_FALSE(answer.wait().has_value());
}
