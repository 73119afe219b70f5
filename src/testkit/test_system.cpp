#include <coerce/testkit/test_system.hpp>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <deque>
#include <exception>
#include <optional>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>

#include <coerce/testkit/detail/probe_actor.hpp>

#include "actor/cell_extras.hpp"
#include "actor/system_core.hpp"
#include "runtime/scheduler_core.hpp"
#include "testkit/inside.hpp"

namespace coerce::testkit {

namespace {

constexpr std::size_t kShownSteps = 20;
constexpr std::size_t kMostEvents = 10'000;

template <class E>
Subscription keep(const ActorSystem& system, std::deque<E>& events) {
  const auto add = [&events](const E& event) {
    if (events.size() == kMostEvents) events.pop_front();
    events.push_back(event);
  };
  return system.events().subscribe<E>(add, {.capacity = kMostEvents});
}

/// Takes the first one that fits.
template <class T, class F>
std::optional<T> take_if(std::deque<T>& from, F&& fits) {
  const auto place = std::find_if(from.begin(), from.end(), fits);
  if (place == from.end()) return std::nullopt;
  std::optional<T> taken(std::move(*place));
  from.erase(place);
  return taken;
}

}  // namespace

namespace detail {

std::optional<std::uint64_t> seed_of_environment() {
  const char* text = std::getenv("COERCE_SEED");
  if (text == nullptr || *text == '\0') return std::nullopt;
  std::string_view digits = text;
  const int base = digits.starts_with("0x") ? 16 : 10;
  if (base == 16) digits.remove_prefix(2);
  std::uint64_t seed = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), seed, base);
  if (error != std::errc() || end != digits.data() + digits.size() || seed == 0)
    throw std::invalid_argument(fmt::format("COERCE_SEED: '{}' is no seed", text));
  return seed;
}

std::uint64_t chosen_seed(std::uint64_t seed) {
  if (const auto from_environment = seed_of_environment()) return *from_environment;
  return seed != 0 ? seed : Rng::random_seed() | 1;
}

/// Actors that handle something and do not go on, with their children.
std::string busy_actors(coerce::detail::SystemCore& core) {
  std::string text;
  std::vector<coerce::detail::CellRef> left;
  core.list_users(left);
  for (std::size_t listed = 0; !left.empty() && listed < kShownSteps;) {
    const coerce::detail::CellRef cell = std::move(left.back());
    left.pop_back();
    if (cell->extras != nullptr)
      for (coerce::detail::Cell* child = cell->extras->children; child != nullptr;
           child = child->next_live)
        left.push_back(coerce::detail::CellRef::share(*child));
    if (!cell->activity) continue;
    text += fmt::format("\n  {} ({}) waits in {}", cell->full_path().view(), cell->type->name,
                        next_message(*cell));
    ++listed;
  }
  return text;
}

std::string what_is_stuck(const ShutdownReport& report) {
  std::string text = fmt::format("(phase {}): {} actors, {} tasks", to_string(report.phase),
                                 report.stuck.size(), report.stuck_tasks);
  for (const StuckActor& stuck : report.stuck)
    text += fmt::format("\n  {} ({}) handles {}", stuck.path.view(), stuck.actor_type,
                        stuck.message_type);
  for (const std::string& extension : report.stuck_extensions)
    text += fmt::format("\n  extension {}", extension);
  return text;
}

}  // namespace detail

// ---- inside -------------------------------------------------------------------------------------

TestSystem::Inside::Inside(TestSystemOptions chosen, ActorSystemBuilder builder,
                           detail::Trace* trace)
    : options(chosen), log(std::in_place, options.show_log) {
  // The library's builder takes no zero.
  system.emplace(builder.clock(clock).seed(options.seed).shuffled(true).build());
  if (trace != nullptr) core().shuffle()->observe(&recorder.emplace(*trace));
  subscriptions.push_back(keep(*system, dead_letters));
  subscriptions.push_back(keep(*system, failures));
}

void TestSystem::Inside::pass_to(TimePoint time) {
  if (time <= clock.now()) return;
  clock.advance(time - clock.now());
  if (recorder) recorder->time_goes_on(clock.now().time_since_epoch());
}

/// What ran last is what still runs.
std::string TestSystem::Inside::what_runs() {
  detail::Trace latest(kShownSteps);
  detail::Recorder observer(latest);
  core().shuffle()->observe(&observer);
  for (std::size_t i = 0; i < kShownSteps; ++i)
    if (!step()) break;
  core().shuffle()->observe(recorder ? &*recorder : nullptr);
  return latest.text();
}

// ---- TestSystem ---------------------------------------------------------------------------------

TestSystem::TestSystem(TestSystemOptions options, ActorSystemBuilder builder) {
  options.seed = detail::chosen_seed(options.seed);
  inside_ = std::make_unique<Inside>(options, std::move(builder), nullptr);
}

TestSystem::TestSystem(TestSystemOptions options, ActorSystemBuilder builder, detail::Trace* trace)
    : inside_(std::make_unique<Inside>(options, std::move(builder), trace)) {}

TestSystem::~TestSystem() {
  if (std::uncaught_exceptions() > inside_->exceptions)
    fmt::print(stderr, "coerce: the failed test had the seed {}; COERCE_SEED={} repeats it\n",
               seed(), seed());
  try {
    shutdown();
  } catch (const std::exception& error) {
    if (inside_->options.show_log) fmt::print(stderr, "coerce: {}\n", error.what());
  }
  inside_->core().shuffle()->observe(nullptr);
  if (!inside_->is_endless) return;
  // The system's end would wait for what never stops running. Kept where it can be found.
  static std::atomic<Inside*> abandoned{nullptr};
  inside_->log.reset();
  Inside* left = inside_.release();
  left->abandoned_before = abandoned.exchange(left);
}

ActorSystem& TestSystem::system() noexcept { return *inside_->system; }
std::uint64_t TestSystem::seed() const noexcept { return inside_->options.seed; }
Duration TestSystem::now() const noexcept { return inside_->clock.now().time_since_epoch(); }

void TestSystem::fail(std::string_view what) const {
  throw ExpectationFailed(fmt::format("{} [at {}, seed {}]", what, detail::words(now()), seed()));
}

bool TestSystem::wait_for(const std::function<bool()>& done, Duration within) {
  Inside& inside = *inside_;
  if (system().scheduler().on_worker())
    throw std::logic_error("coerce: an actor cannot wait for its own test");
  const TimePoint end = coerce::detail::later(inside.clock.now(), within);
  const detail::Drove drove = detail::drive(inside, done, end, inside.options.max_steps);
  if (drove != detail::Drove::Endless) return drove == detail::Drove::Done;
  inside.is_endless = true;
  fail(fmt::format("not idle after {} steps; what still runs:{}", inside.options.max_steps,
                   inside.what_runs()));
}

void TestSystem::run_until_idle() {
  (void)wait_for([] { return false; }, Duration::zero());
}

void TestSystem::advance(Duration step) {
  (void)wait_for([] { return false; }, step);
}

ActorId TestSystem::probe_id(std::string_view wanted) {
  const std::size_t number = ++inside_->probes;
  return wanted.empty() ? ActorId(fmt::format("probe-{}", number)) : ActorId(wanted);
}

void TestSystem::finish(Task<void> task) {
  const auto done = detail::start_driven(inside_->core(), std::move(task));
  if (wait_for([&] { return *done; }, Duration::max())) return;
  fail("the task can never be done: nothing is ready and no timer is armed" +
       detail::busy_actors(system().core()));
}

DeadLetter TestSystem::expect_dead_letter(std::string_view message_type, Duration within) {
  std::optional<DeadLetter> found;
  const auto look = [&] {
    found = take_if(inside_->dead_letters,
                    [&](const DeadLetter& letter) { return letter.message_type == message_type; });
    return found.has_value();
  };
  if (!wait_for(look, within))
    fail(fmt::format("expected a dead letter {} within {}, but none came ({} others did)",
                     message_type, detail::words(within), inside_->dead_letters.size()));
  return std::move(*found);
}

HandlerFailure TestSystem::expect_failure(std::string_view text, Duration within) {
  std::optional<HandlerFailure> found;
  const auto look = [&] {
    found = take_if(inside_->failures, [&](const HandlerFailure& failure) {
      return failure.text.find(text) != std::string::npos;
    });
    return found.has_value();
  };
  if (!wait_for(look, within))
    fail(fmt::format("expected a failure '{}' within {}, but none came ({} others did)", text,
                     detail::words(within), inside_->failures.size()));
  return std::move(*found);
}

void TestSystem::expect_log(LogLevel level, std::string_view text, Duration within) {
  const auto look = [&] {
    return take_if(inside_->log->lines,
                   [&](const detail::LogLine& line) {
                     return line.level == level && line.text.find(text) != std::string::npos;
                   })
        .has_value();
  };
  if (!wait_for(look, within))
    fail(fmt::format("expected '{}' in the log ({}) within {}, but there were only {} other lines",
                     text, to_string(level), detail::words(within), inside_->log->lines.size()));
}

StopReason TestSystem::expect_stopped(const BoxedActorRef& actor, Duration within) {
  coerce::detail::Cell& cell = *actor.cell();
  const auto has_ended = [&] {
    return cell.status.load(std::memory_order_acquire) == ActorStatus::Stopped;
  };
  if (!wait_for(has_ended, within))
    fail(fmt::format("expected {} to stop within {}, but it has not", actor.actor_id().view(),
                     detail::words(within)));
  return cell.stop_reason();
}

void TestSystem::shutdown() {
  if (std::exchange(inside_->is_shut_down, true)) return;
  const ShutdownReport report = run(system().shutdown(inside_->options.shutdown_deadline));
  run_until_idle();  // the last events reach their subscribers
  inside_->is_endless = false;
  if (report.complete) return;
  fail(fmt::format("the system did not shut down within {} {}",
                   detail::words(inside_->options.shutdown_deadline),
                   detail::what_is_stuck(report)));
}

}  // namespace coerce::testkit
