// expect: coerce: Listener has no public handle
// A message that the actor does not handle is refused in one sentence that says why.
#include <coerce/actor.hpp>
#include <coerce/actor/asio.hpp>

#include <asio/detached.hpp>

using coerce::ActorContext;

struct Unknown {};
struct Private {};
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

struct Listener : coerce::Actor {
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
