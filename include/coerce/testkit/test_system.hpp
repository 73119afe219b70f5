/// \file
/// An actor system for tests: one thread, virtual time, an order drawn from a seed.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <coerce/actor/system.hpp>
#include <coerce/testkit/detail/stage.hpp>
#include <coerce/testkit/expectation.hpp>

namespace coerce::testkit {

template <Message... M>
  requires(sizeof...(M) > 0)
class TestProbe;

namespace detail {
class Trace;
}

struct TestSystemOptions {
  /// [0: drawn at random, and told when the test fails] The environment's COERCE_SEED replaces it,
  /// whatever it is.
  std::uint64_t seed = 0;
  /// [1 000 000] Steps that one call may run before it fails: an activation of an actor or task, or
  /// a moment to which time goes on.
  std::size_t max_steps = 1'000'000;
  /// [30 s] Virtual time that the shutdown at the end may take.
  Duration shutdown_deadline = std::chrono::seconds(30);
  /// [true] Let what the system logs be seen besides being captured.
  bool show_log = true;
};
static_assert(std::is_trivially_destructible_v<TestSystemOptions>);

/// How long an expectation waits if it is not told otherwise, in virtual time.
inline constexpr Duration kDefaultWait = std::chrono::seconds(3);

/// Owns an actor system that runs on the calling thread, and only inside the functions of this
/// class and of its probes. Time stands still unless they let it go on, and never passes while
/// something is ready to run. Which of several ready things runs first is drawn from the seed: the
/// same seed gives the same run, provided that the actors take time, randomness and threads from
/// the system alone.
///
/// For one thread, and not for use inside an actor (std::logic_error). Its end shuts the system
/// down in virtual time; actors that do not stop by the deadline are named on stderr. If it ends
/// because a test failed it prints the seed there. No handle to the system may outlive it.
class TestSystem final : public detail::Stage {
 public:
  /// `builder` has the settings of the system besides clock, seed and threads. Throws
  /// std::invalid_argument if COERCE_SEED is no number.
  explicit TestSystem(TestSystemOptions options = {},
                      ActorSystemBuilder builder = ActorSystem::builder());
  ~TestSystem();

  ActorSystem& system() noexcept;
  std::uint64_t seed() const noexcept;
  /// Virtual time since the start.
  Duration now() const noexcept override;

  /// Runs until nothing is ready. Time stands still.
  void run_until_idle();
  /// Lets so much time pass: runs until idle, goes on to the next timer, and so on; at the end it
  /// is exactly now + step, and nothing is ready.
  void advance(Duration step);
  /// Runs an awaitable to its end and gives its result; what it throws is thrown here. Time goes on
  /// as far as needed. ExpectationFailed if nothing is left that could ever complete it.
  template <Awaitable A>
  AwaitResult<A> run(A&& awaitable) {
    const auto outcome = std::make_shared<coerce::detail::BlockOnOutcome<AwaitResult<A>>>();
    finish(coerce::detail::capture(as_task(std::forward<A>(awaitable)), outcome));
    return outcome->take();
  }

  /// Starts an actor, built in place: tracked with the id, anonymous without. ExpectationFailed if
  /// its start fails.
  template <class A, class... Args>
    requires std::constructible_from<A, Args...>
  LocalActorRef<A> start(std::string_view id, Args&&... args) {
    auto started = run(into_actor<A>(id.empty() ? std::nullopt : std::optional(ActorId(id)),
                                     system(), std::forward<Args>(args)...));
    if (!started) fail("the actor did not start: " + started.error().to_string());
    return std::move(*started);
  }

  /// An actor that takes messages of these types and shows them to the test. Include
  /// <coerce/testkit/probe.hpp>.
  template <Message... M>
    requires(sizeof...(M) > 0)
  TestProbe<M...> probe(std::string_view id = {});

  /// A message of this type became a dead letter and has not been expected before.
  template <class M>
  DeadLetter expect_dead_letter(Duration within = kDefaultWait) {
    return expect_dead_letter(type_name_of<M>(), within);
  }
  DeadLetter expect_dead_letter(std::string_view message_type, Duration within = kDefaultWait);
  /// A handler or hook threw what contains `text`, and has not been expected before.
  HandlerFailure expect_failure(std::string_view text, Duration within = kDefaultWait);
  /// A line that contains `text` was logged on this thread, and has not been expected before. Lines
  /// below the level of the system or of spdlog are not seen.
  void expect_log(LogLevel level, std::string_view text, Duration within = kDefaultWait);
  /// The actor ends. Gives the reason.
  StopReason expect_stopped(const BoxedActorRef& actor, Duration within = kDefaultWait);

  /// Runs until `done()`; at most `within`, which has then passed exactly. Gives what `done()` says
  /// last. It is asked before each step.
  bool wait_for(const std::function<bool()>& done, Duration within = kDefaultWait) override;

  /// Throws ExpectationFailed with the text, the seed and the time, unless `condition`.
  void check(bool condition, std::string_view what) const {
    if (!condition) fail(what);
  }
  [[noreturn]] void fail(std::string_view what) const override;

  /// Shuts the system down in virtual time; ExpectationFailed if an actor or task does not stop by
  /// the deadline. For tests that want to know before this object ends.
  void shutdown();

 private:
  friend struct Explorer;
  class Inside;
  TestSystem(TestSystemOptions options, ActorSystemBuilder builder, detail::Trace* trace);

  void finish(Task<void> task);
  ActorId probe_id(std::string_view wanted);

  std::unique_ptr<Inside> inside_;
};

}  // namespace coerce::testkit
