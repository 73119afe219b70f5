// A user's own test, without any framework: an actor in virtual time.

#include <coerce/testkit.hpp>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

struct Remind {};
struct Reminder {};

class Clerk : public coerce::Actor {
 public:
  explicit Clerk(coerce::Receiver<Reminder> to) : to_(std::move(to)) {}
  coerce::Task<void> handle(Remind, coerce::ActorContext&) {
    (void)co_await coerce::sleep_for(1h);
    (void)to_.notify(Reminder{});
  }

 private:
  coerce::Receiver<Reminder> to_;
};

int main() {
  const auto report = coerce::testkit::explore(
      [](coerce::testkit::TestSystem& test) {
        auto probe = test.probe<Reminder>();
        auto clerk = test.start<Clerk>("clerk", coerce::Receiver<Reminder>(probe.ref()));
        (void)clerk.notify(Remind{});
        probe.expect_none(59min);
        (void)probe.receive(2min);
      },
      {.seeds = 10});
  if (!report.passed) std::puts(coerce::testkit::to_string(report).c_str());
  return report.passed ? 0 : 1;
}
