#include <coerce/actor/asio.hpp>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include "suite.hpp"
#include "support.hpp"

namespace suite {
namespace {

using asio::ip::tcp;
using Message = std::array<char, 16>;

const tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);

template <class Executor>
using Socket = asio::basic_stream_socket<tcp, Executor>;
template <class Executor>
using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;

// ---- on coerce
// -----------------------------------------------------------------------------------

using SystemExecutor = coerce::SchedulerExecutor<>;

/// Echoes until the other side closes.
Task<void> serve(Socket<SystemExecutor> socket) {
  Message message{};
  for (;;) {
    const auto got = co_await asio::async_read(socket, asio::buffer(message), coerce::use_task);
    if (!got) co_return;
    const auto put = co_await asio::async_write(socket, asio::buffer(message), coerce::use_task);
    if (!put) co_return;
  }
}

Task<Measurement> echo(ActorSystem system, std::uint64_t round_trips) {
  const auto executor = coerce::executor_of(system);
  Acceptor<SystemExecutor> acceptor(executor, any_port);
  Socket<SystemExecutor> socket(executor);
  const auto connected = co_await socket.async_connect(acceptor.local_endpoint(), coerce::use_task);
  if (!connected) std::abort();
  auto accepted = co_await acceptor.async_accept(executor, coerce::use_task);
  accepted.value().set_option(tcp::no_delay(true));
  socket.set_option(tcp::no_delay(true));
  system.spawn(serve(std::move(accepted).value()));

  Message message{};
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < round_trips; ++i) {
    const auto put = co_await asio::async_write(socket, asio::buffer(message), coerce::use_task);
    const auto got = co_await asio::async_read(socket, asio::buffer(message), coerce::use_task);
    if (!put || !got) std::abort();
  }
  co_return watch.stop(round_trips);
}

// ---- on Asio alone
// -------------------------------------------------------------------------------

using ContextExecutor = asio::io_context::executor_type;
template <class T>
using Awaitable = asio::awaitable<T, ContextExecutor>;
constexpr asio::use_awaitable_t<ContextExecutor> use_awaitable;

Awaitable<void> serve_asio(Socket<ContextExecutor> socket) {
  try {
    Message message{};
    for (;;) {
      co_await asio::async_read(socket, asio::buffer(message), use_awaitable);
      co_await asio::async_write(socket, asio::buffer(message), use_awaitable);
    }
  } catch (const std::exception&) {
    co_return;  // the other side has closed
  }
}

Awaitable<void> echo_asio(ContextExecutor executor, std::uint64_t round_trips,
                          Measurement& measured) {
  Acceptor<ContextExecutor> acceptor(executor, any_port);
  Socket<ContextExecutor> socket(executor);
  co_await socket.async_connect(acceptor.local_endpoint(), use_awaitable);
  auto accepted = co_await acceptor.async_accept(executor, use_awaitable);
  accepted.set_option(tcp::no_delay(true));
  socket.set_option(tcp::no_delay(true));
  asio::co_spawn(executor, serve_asio(std::move(accepted)), asio::detached);

  Message message{};
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < round_trips; ++i) {
    co_await asio::async_write(socket, asio::buffer(message), use_awaitable);
    co_await asio::async_read(socket, asio::buffer(message), use_awaitable);
  }
  measured = watch.stop(round_trips);
}

Measurement run_echo_asio(unsigned threads, std::uint64_t round_trips) {
  asio::io_context context(static_cast<int>(threads));
  Measurement measured;
  asio::co_spawn(context, echo_asio(context.get_executor(), round_trips, measured),
                 [](const std::exception_ptr& error) {
                   if (error) std::abort();
                 });
  std::vector<std::jthread> pool;
  for (unsigned i = 0; i < threads; ++i) pool.emplace_back([&context] { context.run(); });
  pool.clear();
  return measured;
}

/// 16 bytes to a server in the same program and back, over loopback, both on the same threads.
Bench tcp_echo() {
  return {.name = "tcp_echo",
          .figures = {{.name = "tcp_echo", .unit = "ns", .target = times(1.1, "tcp_echo_asio")},
                      {.name = "tcp_echo_asio", .unit = "ns"}},
          .prepare = [](const Settings& settings) -> Run {
            return [settings, system = make_system(settings)] {
              const auto round_trips = settings.scaled(1'000);
              const double ours = ns_per_op(system.block_on(echo(system, round_trips)));
              const double asio = ns_per_op(run_echo_asio(settings.workers, round_trips));
              return Sample{.ops = round_trips, .numbers = {ours, asio}};
            };
          },
          .needs_threads = true};
}

}  // namespace

std::vector<Bench> network() { return {tcp_echo()}; }

}  // namespace suite
