// expect: coerce: Listener has no public handle
// A message that the actor does not handle is refused in one sentence that says why.
#include <coerce/actor.hpp>
#include <coerce/actor/asio.hpp>

#include <asio/detached.hpp>

using coerce::ActorContext;

struct Unknown {};
struct Private {};
struct NotTicked {};
struct NotDispatched {};
struct Narrow {};
struct Wide {
  Wide(Narrow) {}
};
struct Asked {
  using Result = int;
};
struct AskedForTask {
  using Result = int;
};
struct AskedForResult {
  using Result = coerce::Result<int>;
};
struct ByValue {};
struct Alone {};
struct Changed {};
struct Immovable {
  Immovable() = default;
  Immovable(Immovable&&) = delete;
};

struct MovedOnly {
  MovedOnly() = default;
  MovedOnly(MovedOnly&&) = default;
};

struct Listener : coerce::Actor {
  void handle(MovedOnly, ActorContext&) {}
  void handle(Wide, ActorContext&) {}
  double handle(Asked, ActorContext&) { return 0; }
  coerce::Task<double> handle(AskedForTask, ActorContext&) { co_return 0; }
  int handle(AskedForResult, ActorContext&) { return 0; }
  void handle(ByValue, ActorContext) {}
  void handle(Alone) {}
  void handle(Changed&, ActorContext&) {}
  void handle(Immovable, ActorContext&) {}

 private:
  void handle(Private, ActorContext&) {}
};

void reasons(const coerce::LocalActorRef<Listener>& listener) {
  // refused: coerce: Listener has no public handle(Unknown, ActorContext&)
  (void)listener.notify(Unknown{});
  // refused: coerce: Listener has no public handle(Private, ActorContext&)
  (void)listener.notify(Private{});
  // refused: coerce: handle() of Listener takes no Narrow but something that it converts to
  (void)listener.notify(Narrow{});
  // refused: coerce: handle() of Listener returns double, but the Result of Asked is int
  (void)listener.notify(Asked{});
  // refused: coerce: handle() of Listener returns double, but the Result of AskedForTask is int
  (void)listener.notify(AskedForTask{});
  // refused: coerce: the Result of AskedForResult is a coerce::Result: name what is in it
  (void)listener.notify(AskedForResult{});
  // refused: coerce: handle() of Listener takes the context by value: write ActorContext&
  (void)listener.notify(ByValue{});
  // refused: coerce: handle() of Listener lacks the context: write handle(Alone, ActorContext&)
  (void)listener.notify(Alone{});
  // refused: coerce: handle() of Listener takes Changed& and may take Changed or const Changed&
  (void)listener.notify(Changed{});
  // refused: coerce: Immovable cannot be moved, as a message must be
  (void)listener.notify(Immovable{});
}

void receivers(const coerce::LocalActorRef<Listener>& listener) {
  // refused: coerce: handle() of Listener returns double, but the Result of Asked is int
  (void)coerce::Receiver<Asked>(listener);
  const coerce::Receiver<Unknown> refused{listener};  // refused
}

void timers(const coerce::LocalActorRef<Listener>& listener) {
  const auto period = coerce::Duration(1);
  // refused: coerce: Listener has no public handle(NotTicked, ActorContext&)
  (void)coerce::Timer::start(listener, period, NotTicked{});
  (void)coerce::Timer::start_immediately(listener, period, Unknown{});  // refused
  // refused: coerce: a Timer delivers copies of its message, but MovedOnly cannot be copied
  (void)coerce::Timer::start(listener, period, MovedOnly{});
  (void)coerce::Timer::start_immediately(listener, period, MovedOnly{});  // refused
}

coerce::Task<void> pools(coerce::WorkerRef<Listener> pool) {
  // refused: coerce: Listener has no public handle(NotDispatched, ActorContext&)
  (void)co_await pool.dispatch(NotDispatched{});
  (void)co_await pool.dispatch<Unknown>();  // refused
}

coerce::Task<void> others(coerce::Receiver<Wide> receiver, ActorContext& ctx) {
  // refused: coerce: a Receiver of Wide takes no Unknown
  (void)receiver.notify(Unknown{});
  (void)receiver.notify_from(ctx, Unknown{});                      // refused
  (void)receiver.notify<Unknown>();                                // refused
  (void)co_await receiver.send(Unknown{});                         // refused
  (void)co_await receiver.send(Unknown{}, coerce::Duration(1));    // refused
  (void)co_await receiver.send<Unknown>();                         // refused
  (void)co_await receiver.send_for<Unknown>(coerce::Duration(1));  // refused
}

coerce::Task<void> verbs(coerce::LocalActorRef<Listener> listener, ActorContext& ctx) {
  (void)listener.notify_from(ctx, Unknown{});                       // refused
  (void)listener.scheduled_notify(Unknown{}, coerce::Duration(1));  // refused
  (void)listener.scheduled_notify<Unknown>(coerce::Duration(1));    // refused
  (void)listener.notify<Unknown>();                                 // refused
  (void)co_await listener.send(Unknown{});                          // refused
  (void)co_await listener.send(Unknown{}, coerce::Duration(1));     // refused
  (void)co_await listener.send<Unknown>();                          // refused
  (void)co_await listener.send_for<Unknown>(coerce::Duration(1));   // refused
  (void)listener.send_blocking(Unknown{});                          // refused
  listener.deliver(Unknown{}, [](coerce::Result<void>) {});         // refused
  listener.async_send(Unknown{}, asio::detached);                   // refused
}
