// Actors inside an event loop that was there before them. The program's own loop, an Asio
// io_context, keeps its thread: the actor system has no threads and is driven from the loop.

#include <coerce/actor.hpp>
#include <coerce/actor/asio.hpp>

#include <fmt/format.h>
#include <asio/bind_executor.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <utility>

namespace {

using namespace std::chrono_literals;

// ── An actor; nothing in it knows of the loop ───────────────────────────────────────────────────

struct Reading {
  int degrees;
};
struct GetMean {
  using Result = double;
};

class Thermometer : public coerce::Actor {
 public:
  coerce::Task<void> handle(Reading reading, coerce::ActorContext&) {
    co_await coerce::sleep_for(1ms);  // waits on the system's clock; the loop goes on meanwhile
    sum_ += reading.degrees;
    ++count_;
  }
  double handle(GetMean, coerce::ActorContext&) { return count_ == 0 ? 0 : sum_ / count_; }

 private:
  double sum_ = 0;
  int count_ = 0;
};

// ── What drives the actors ──────────────────────────────────────────────────────────────────────

// region: pump
/// Gives a caller-driven system its turns in an event loop: every few milliseconds, and soon after
/// soon() was called. All on the thread that runs the loop.
class ActorPump {
 public:
  ActorPump(asio::io_context& loop, coerce::ActorSystem system)
      : loop_(loop), timer_(loop), system_(std::move(system)) {
    wait();
  }

  /// Call it after telling actors something, so that they need not wait for the next turn.
  void soon() {
    if (!std::exchange(soon_, true)) asio::post(loop_, [this] { turn(); });
  }

  /// From here on the actors stand still, and the loop may end.
  void stop() {
    stopped_ = true;
    timer_.cancel();
  }

 private:
  static constexpr auto kLongestWait = 2ms;  // how late a timer of an actor may be

  void turn() {
    soon_ = false;
    system_.poll();  // runs what is ready and returns
  }
  void wait() {
    timer_.expires_after(kLongestWait);
    timer_.async_wait([this](const std::error_code& error) {
      if (error || stopped_) return;
      turn();
      wait();
    });
  }

  asio::io_context& loop_;
  asio::steady_timer timer_;
  coerce::ActorSystem system_;
  bool soon_ = false;
  bool stopped_ = false;
};
// endregion

// ── The program that was there before ───────────────────────────────────────────────────────────

/// Reads a sensor now and then, as event-driven programs do.
class Sensor {
 public:
  using Callback = std::function<void(int degrees)>;

  Sensor(asio::io_context& loop, Callback on_reading, std::function<void()> on_end)
      : timer_(loop), on_reading_(std::move(on_reading)), on_end_(std::move(on_end)) {
    read_later();
  }

 private:
  void read_later() {
    timer_.expires_after(1ms);
    timer_.async_wait([this](const std::error_code& error) {
      if (error) return;
      on_reading_(readings_[next_++]);
      if (next_ < readings_.size())
        read_later();
      else
        on_end_();
    });
  }

  asio::steady_timer timer_;
  Callback on_reading_;
  std::function<void()> on_end_;
  std::array<int, 5> readings_{18, 19, 21, 22, 20};
  std::size_t next_ = 0;
};

}  // namespace

// region: main
int main() {
  asio::io_context loop;
  auto system =
      coerce::ActorSystem::builder().worker_threads(0).build();  // 0: driven by its caller
  auto thermometer = system.block_on(coerce::into_actor(Thermometer(), "thermometer", system));
  if (!thermometer) return EXIT_FAILURE;

  ActorPump pump(loop, system);

  // From the loop to an actor: notify, from any handler. Back again: async_send, whose completion
  // handler runs in the loop.
  const auto on_answer = [&pump](coerce::Result<double> mean) {
    fmt::print("the mean is {:.1f} degrees\n", mean.value_or(-1));
    pump.stop();
  };
  Sensor sensor(
      loop,
      [&](int degrees) {
        fmt::print("read {} degrees\n", degrees);
        (void)thermometer->notify(Reading{degrees});
        pump.soon();
      },
      [&] {
        thermometer->async_send(GetMean{}, asio::bind_executor(loop.get_executor(), on_answer));
        pump.soon();
      });

  loop.run();

  const auto report = system.shutdown_blocking(5s);  // drives the actors to their end
  fmt::print("{}\n", report.complete ? "all actors have ended" : "some actors have not ended");
  return report.complete ? EXIT_SUCCESS : EXIT_FAILURE;
}
// endregion
