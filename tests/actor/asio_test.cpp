#include <coerce/actor/asio.hpp>

#include <coerce/actor.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <asio/write.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <string>

namespace coerce::test {
namespace {

using asio::ip::tcp;
using namespace std::chrono_literals;

struct Double {
  using Result = int;
  int value;
};

class Doubler : public Actor {
 public:
  int handle(Double message, ActorContext&) { return 2 * message.value; }
};

Task<std::size_t> echo_once(tcp::acceptor& acceptor) {
  auto socket = co_await acceptor.async_accept(use_task);
  char bytes[64];
  auto read = co_await socket->async_read_some(asio::buffer(bytes), use_task);
  auto written = co_await asio::async_write(*socket, asio::buffer(bytes, *read), use_task);
  co_return *written;
}

Task<std::string> say_hello(tcp::endpoint server, SchedulerExecutor<> executor) {
  tcp::socket socket(executor);
  auto connected = co_await socket.async_connect(server, use_task);
  if (!connected) co_return connected.error().message();
  co_await asio::async_write(socket, asio::buffer("hello", 5), use_task);
  char bytes[64];
  auto read = co_await socket.async_read_some(asio::buffer(bytes), use_task);
  co_return std::string(bytes, *read);
}

Task<std::string> echo_over_loopback(ActorSystem& system) {
  auto executor = executor_of(system);
  tcp::acceptor acceptor(executor, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  auto both =
      co_await when_all(echo_once(acceptor), say_hello(acceptor.local_endpoint(), executor));
  co_return std::get<1>(both);
}

asio::awaitable<int> ask_from_asio(LocalActorRef<Doubler> actor) {
  auto answer = co_await actor.async_send(Double{21}, asio::use_awaitable);
  co_return answer.value();
}

Task<int> await_an_awaitable(ActorSystem& system) {
  auto actor = co_await into_actor(Doubler{}, std::nullopt, system);
  co_return co_await asio::co_spawn(executor_of(system), ask_from_asio(*actor), use_task);
}

Task<std::error_code> connect_to_nobody(ActorSystem& system) {
  auto executor = executor_of(system);
  tcp::endpoint nobody;
  {
    tcp::acceptor gone(executor, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    nobody = gone.local_endpoint();
  }
  tcp::socket socket(executor);
  auto connected = co_await socket.async_connect(nobody, use_task);
  co_return connected ? std::error_code() : connected.error();
}

Task<bool> wait_for_far_timer(ActorSystem& system) {
  asio::steady_timer timer(executor_of(system), 10h);
  auto waited = co_await with_timeout(timer.async_wait(use_task), 1ms);
  co_return !waited.has_value() && waited.error().kind() == ActorRefErr::Kind::Timeout;
}

Task<bool> wait_for_near_timer(ActorSystem& system) {
  asio::steady_timer timer(executor_of(system), 1ms);
  auto waited = co_await timer.async_wait(use_task);
  co_return waited.has_value();
}

template <class F>
void on_every_kind_of_system(F&& check) {
  for (const unsigned workers : {0U, 1U, 2U}) {
    auto system = ActorSystem::builder().worker_threads(workers).build();
    check(system);
  }
}

}  // namespace

TEST_CASE("sockets work inside a task", "[asio]") {
  on_every_kind_of_system(
      [](ActorSystem& system) { CHECK(system.block_on(echo_over_loopback(system)) == "hello"); });
}

TEST_CASE("an asio coroutine runs on the scheduler, asks an actor and is awaited by a task",
          "[asio]") {
  on_every_kind_of_system(
      [](ActorSystem& system) { CHECK(system.block_on(await_an_awaitable(system)) == 42); });
}

TEST_CASE("an error of an operation is a value", "[asio]") {
  on_every_kind_of_system([](ActorSystem& system) {
    CHECK(system.block_on(connect_to_nobody(system)) == asio::error::connection_refused);
  });
}

TEST_CASE("a timer of Asio completes inside a task", "[asio]") {
  on_every_kind_of_system(
      [](ActorSystem& system) { CHECK(system.block_on(wait_for_near_timer(system))); });
}

TEST_CASE("a time limit cancels an operation of Asio", "[asio]") {
  on_every_kind_of_system(
      [](ActorSystem& system) { CHECK(system.block_on(wait_for_far_timer(system))); });
}

TEST_CASE("async_send gives its answer to any completion token, also when the actor has ended",
          "[asio]") {
  auto system = ActorSystem::builder().worker_threads(1).build();
  auto actor = system.block_on(into_actor(Doubler{}, std::nullopt, system));
  auto answer = actor->async_send(Double{4}, asio::use_future);
  CHECK(answer.get().value() == 8);
  REQUIRE(actor->stop_blocking().has_value());
  auto late = actor->async_send(Double{4}, asio::use_future);
  CHECK(late.get().error().kind() == ActorRefErr::Kind::InvalidRef);
}

TEST_CASE("work posted to the executor runs on a worker", "[asio]") {
  auto system = ActorSystem::builder().worker_threads(1).build();
  std::promise<bool> on_worker;
  asio::post(executor_of(system), [&] { on_worker.set_value(system.scheduler().on_worker()); });
  CHECK(on_worker.get_future().get());
}

}  // namespace coerce::test
