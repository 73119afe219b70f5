// A parent and ten children. Each child tells itself to stop after 5 ms; the parent hears of the
// end of each, and ends after the last.

#include <coerce/actor.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <future>
#include <stdexcept>
#include <utility>

namespace {

using namespace std::chrono_literals;

// region: child
struct Finished {};

class Child : public coerce::Actor {
 public:
  void started(coerce::ActorContext& ctx) {
    (void)ctx.actor_ref<Child>().scheduled_notify(Finished{}, 5ms);
  }
  void handle(Finished, coerce::ActorContext& ctx) { ctx.stop(); }
};
// endregion

// region: parent
class ParentActor : public coerce::Actor {
 public:
  explicit ParentActor(std::promise<std::size_t> finished) : finished_(std::move(finished)) {}

  coerce::Task<void> started(coerce::ActorContext& ctx) {
    for (std::size_t i = 0; i < kChildren; ++i) {
      auto child = co_await ctx.spawn(fmt::format("child-{}", i), Child());
      if (!child)
        throw std::runtime_error(child.error().to_string());  // into_actor gives the error
    }
    fmt::print("{} children\n", ctx.supervised_count());
  }

  void on_child_stopped(const coerce::ChildStopped&, coerce::ActorContext& ctx) {
    ++stopped_;
    if (stopped_ < kChildren || ctx.supervised_count() > 0) return;
    finished_.set_value(stopped_);
    ctx.stop();
  }

  void stopped(coerce::ActorContext& ctx) { fmt::print("{} has ended\n", ctx.id().view()); }

 private:
  static constexpr std::size_t kChildren = 10;

  std::promise<std::size_t> finished_;
  std::size_t stopped_ = 0;
};
// endregion

}  // namespace

int main() {
  auto system = coerce::ActorSystem::builder().system_name("family").build();
  std::promise<std::size_t> promise;
  auto finished = promise.get_future();

  auto parent =
      system.block_on(coerce::into_actor<ParentActor>("parent", system, std::move(promise)));
  if (!parent) {
    fmt::print(stderr, "{}\n", parent.error());
    return EXIT_FAILURE;
  }

  const std::size_t stopped = finished.get();
  const bool complete =
      system.shutdown_blocking(5s).complete;  // prints behind the parent's last line
  fmt::print("{} children have stopped\n", stopped);
  return complete ? EXIT_SUCCESS : EXIT_FAILURE;
}
