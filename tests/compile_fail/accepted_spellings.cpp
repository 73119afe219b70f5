// expect-ok
#include <coerce/actor.hpp>
#include <string>
#include <vector>

struct Rename {
  std::string name;
};

struct Person : coerce::Actor {
  void handle(Rename message, coerce::ActorContext&) { name = message.name; }
  std::string name;
};

struct Introduce {  // a constructor makes a temporary safe on every compiler
  explicit Introduce(std::string n) : name(std::move(n)) {}
  std::string name;
};

struct Shout {
  using Result = int;
  int times;  // trivially destructible: safe as a temporary
};

struct Host : coerce::Actor {
  explicit Host(std::string n) : name(std::move(n)) {}
  void handle(Rename message, coerce::ActorContext&) { name = message.name; }
  void handle(Introduce message, coerce::ActorContext&) { name = message.name; }
  coerce::Task<coerce::Result<int>> handle(Shout message, coerce::ActorContext&) {
    co_return message.times;
  }
  std::string name;
};

coerce::Task<void> speak(coerce::ActorSystem system, std::string name) {
  const auto started = co_await system.new_actor<Host>("host", name);
  if (!started) co_return;
  const coerce::LocalActorRef<Host>& host = *started;

  const auto in_place = co_await host.send<Rename>("Ada");
  const auto with_constructor = co_await host.send(Introduce("Ada"));
  const auto trivial = co_await host.send(Shout{3});

  Rename named{"Ada"};
  const auto copied = co_await host.send(named);
  (void)host.notify<Rename>("Ada");
  (void)host.notify(named);

  const auto rename = [name](Host& who) { who.name = name; };
  const auto done = co_await host.exec(rename);
  const auto asked = co_await host.exec([](Host& who) { return who.name.size(); });
  (void)in_place, (void)with_constructor, (void)trivial, (void)copied, (void)done, (void)asked;
}

void beside(coerce::ActorContext& ctx, coerce::LocalActorRef<Host> host, std::string name) {
  const auto task = [name](coerce::TaskContext) -> coerce::Task<void> { co_return; };
  (void)ctx.spawn_task(task);
  (void)ctx.spawn_task([&](coerce::TaskContext) -> coerce::Task<void> { co_return; });
  const auto introduce = [name](int) { return Introduce(name); };
  coerce::attach_stream(host, std::vector<int>{1, 2}, {}, introduce);
  const auto answered = [name](coerce::Result<void>) {};
  host.deliver(Introduce(name), answered);
}
