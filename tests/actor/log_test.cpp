#include <coerce/actor/log.hpp>

#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <sstream>
#include <string>

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

using namespace coerce::test;
using coerce::ActorContext;
using coerce::LogLevel;

namespace {

/// Takes what is logged while it lives.
class Capture {
 public:
  Capture() : before_(spdlog::default_logger()) {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(text_);
    auto logger = std::make_shared<spdlog::logger>("test", sink);
    logger->set_pattern("%l %v");
    logger->set_level(spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
  }
  ~Capture() { spdlog::set_default_logger(before_); }
  std::string text() const { return text_.str(); }

 private:
  std::shared_ptr<spdlog::logger> before_;
  std::ostringstream text_;
};

struct Speak {};
struct Misspeak {};
struct Shout {};

class Speaker : public coerce::Actor {
 public:
  void handle(Speak, ActorContext& ctx) {
    ctx.log().info("{} of {:>4} at {:.1f}: {} {} {}", 1, 2U, 2.5, "text", true, ctx.id());
    ctx.log().debug("not at the default level");
  }
  void handle(Misspeak, ActorContext& ctx) { ctx.log().info("{} {}", 1); }
  void handle(Shout, ActorContext& ctx) { ctx.log().warn("{}", std::string(100'000, 'x')); }
};

coerce::ActorSystemBuilder driven() {
  auto builder = coerce::ActorSystem::builder();
  builder.worker_threads(0).system_name("s");
  return builder;
}

}  // namespace

TEST_CASE("an actor's log line begins with its path and is formatted", "[log]") {
  const Capture log;
  auto system = driven().build();
  (void)start_tracked<Speaker>(system, "speaker").notify(Speak{});
  system.poll();
  CHECK(log.text() == "info [s/speaker] 1 of    2 at 2.5: text true speaker\n");
}

TEST_CASE("a system's log level can be set, and changed while it runs", "[log]") {
  const Capture log;
  auto system = driven().log_level(LogLevel::Debug).build();
  auto speaker = start_tracked<Speaker>(system, "speaker");
  (void)speaker.notify(Speak{});
  system.poll();
  CHECK(log.text().find("debug [s/speaker] not at the default level\n") != std::string::npos);
  system.set_log_level(LogLevel::Error);
  const std::string before = log.text();
  (void)speaker.notify(Speak{});
  system.poll();
  CHECK(log.text() == before);
  CHECK(system.log_level() == LogLevel::Error);
}

TEST_CASE("a log line that does not fit its arguments is told as an error, and harms nobody",
          "[log]") {
  const Capture log;
  auto system = driven().build();
  auto speaker = start_tracked<Speaker>(system, "speaker");
  (void)speaker.notify(Misspeak{});
  system.poll();
  CHECK(log.text().find("error [s/speaker]") == 0);
  CHECK(speaker.is_valid());
}

TEST_CASE("a log line is cut at its limit", "[log]") {
  const Capture log;
  auto system = driven().build();
  (void)start_tracked<Speaker>(system, "speaker").notify(Shout{});
  system.poll();
  CHECK(log.text().size() < 17 * 1024);
}

TEST_CASE("failures are logged with the path of their actor", "[log]") {
  const Capture log;
  auto system = driven().build();
  const auto fail = [](Speaker&) { throw std::runtime_error("why not"); };
  (void)start_tracked<Speaker>(system, "speaker").notify_exec(fail);
  system.poll();
  CHECK(log.text().find("warning [s/speaker]") != std::string::npos);
  CHECK(log.text().find("failed: why not") != std::string::npos);
}
