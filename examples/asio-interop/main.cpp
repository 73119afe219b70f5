// A TCP line server whose sessions are actors. Sockets are Asio's, on the threads of the actor
// system; each connection has a task that reads and writes, and an actor that knows what was said.
//
//   add 5   adds to this session's sum, and to that of all sessions; answers both
//   sums    answers both
//   quit    ends the session

#include <coerce/actor.hpp>
#include <coerce/actor/asio.hpp>

#include <fmt/format.h>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace {

using asio::ip::tcp;
using namespace std::chrono_literals;

constexpr std::size_t kMostBytesOfALine = 1024;
constexpr std::size_t kMostSessions = 1000;
constexpr auto kIdleLimit = 5min;  // a session that says nothing for so long is ended
constexpr std::int64_t kMostAdded = 1'000'000'000;

// ── The actors ──────────────────────────────────────────────────────────────────────────────────

struct Add {
  using Result = std::int64_t;
  std::int64_t number;
};

/// The sum of all sessions.
class Total : public coerce::Actor {
 public:
  std::int64_t handle(Add message, coerce::ActorContext&) { return sum_ += message.number; }

 private:
  std::int64_t sum_ = 0;
};

struct Line {
  using Result = std::string;
  explicit Line(std::string line) : text(std::move(line)) {}
  std::string text;
};

/// What one client has said so far. An empty answer ends the session.
class Session : public coerce::Actor {
 public:
  explicit Session(coerce::LocalActorRef<Total> total) : total_(std::move(total)) {}

  coerce::Task<std::string> handle(Line line, coerce::ActorContext&) {
    const auto number = number_to_add(line.text);
    if (line.text == "quit") co_return std::string();
    if (!number) co_return std::string("error: say add <number>, sums or quit");

    sum_ += *number;
    const auto total = co_await total_.send(Add{*number});
    if (!total) co_return fmt::format("error: {}", total.error());
    co_return fmt::format("{} of {}", sum_, *total);
  }

 private:
  static std::optional<std::int64_t> number_to_add(std::string_view text) {
    if (text == "sums") return 0;
    if (!text.starts_with("add ")) return std::nullopt;
    text.remove_prefix(4);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (!whole || number > kMostAdded || number < -kMostAdded) return std::nullopt;
    return number;
  }

  coerce::LocalActorRef<Total> total_;
  std::int64_t sum_ = 0;
};

// ── The sockets ─────────────────────────────────────────────────────────────────────────────────

// region: connection
/// The next line, without its end. Nothing: the client has gone, was idle or said too much.
coerce::Task<std::optional<std::string>> read_line(tcp::socket& socket, std::string& buffer) {
  const auto line = asio::dynamic_buffer(buffer, kMostBytesOfALine);
  const auto read = co_await coerce::with_timeout(
      asio::async_read_until(socket, line, '\n', coerce::use_task), kIdleLimit);
  if (!read || !*read) co_return std::nullopt;  // the limit's error, or the socket's
  std::string text = buffer.substr(0, **read - 1);
  buffer.erase(0, **read);
  if (text.ends_with('\r')) text.pop_back();
  co_return text;
}

/// Serves one client: its lines go to its actor, the answers to the socket. The anonymous actor
/// ends with `session`, the last reference to it.
coerce::Task<void> serve(tcp::socket socket, coerce::LocalActorRef<Session> session) {
  std::string buffer;
  while (true) {
    auto line = co_await read_line(socket, buffer);
    if (!line) co_return;
    auto answer = co_await session.send(Line(*std::move(line)));
    if (!answer || answer->empty()) co_return;
    answer->push_back('\n');
    const auto written = co_await coerce::with_timeout(
        asio::async_write(socket, asio::buffer(*answer), coerce::use_task), kIdleLimit);
    if (!written || !*written) co_return;
  }
}
// endregion

/// Accepts connections until the system shuts down.
coerce::Task<int> run_server(coerce::ActorSystem& system) {
  tcp::acceptor acceptor(coerce::executor_of(system),
                         tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  auto total = co_await coerce::into_actor(Total(), "total", system);
  if (!total) co_return 1;
  fmt::print("listening on port {}\n", acceptor.local_endpoint().port());
  std::fflush(stdout);

  while (!system.is_terminated()) {
    // With a limit it is a wait that a shutdown can cancel.
    auto accepted =
        co_await coerce::with_timeout(acceptor.async_accept(coerce::use_task), kIdleLimit);
    if (!accepted || !*accepted) continue;
    if (system.live_actor_count() > kMostSessions) continue;  // the socket closes
    auto session = co_await coerce::into_actor(Session(*total), std::nullopt, system);
    if (session) system.spawn(serve(std::move(**accepted), *std::move(session)));
  }
  fmt::print("closed\n");
  co_return 0;
}

}  // namespace

int main() { return coerce::run(run_server); }
