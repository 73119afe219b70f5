// expect: coerce: GCC 12 destroys an aggregate or lambda temporary twice
// compiler: gcc12
// Every function that takes an object of the user's and may stand in a co_await expression refuses
// temporaries that GCC 12 would destroy twice. Each line has a type of its own: an error about a
// type comes once.
#include <coerce/actor.hpp>
#include <coerce/actor/asio.hpp>

#include <coroutine>
#include <string>
#include <vector>

#include <asio/detached.hpp>

using coerce::ActorContext;

template <int>
struct Text {  // an aggregate that owns memory
  std::string text;
};

struct Made {
  template <int N>
  explicit Made(Text<N>) {}
};

struct Person : coerce::Actor {
  explicit Person(std::string n) : name(std::move(n)) {}
  template <int N>
  explicit Person(Text<N>) {}
  void handle(Text<1>, ActorContext&) {}
  void handle(Text<2>, ActorContext&) {}
  void handle(Text<3>, ActorContext&) {}
  void handle(Text<4>, ActorContext&) {}
  void handle(Text<5>, ActorContext&) {}
  void handle(Text<24>, ActorContext&) {}
  void handle(Text<27>, ActorContext&) {}
  void handle(Text<29>, ActorContext&) {}
  void handle(Text<30>, ActorContext&) {}
  void handle(Text<50>, ActorContext&) {}
  void handle(Made, ActorContext&) {}
  std::string name;
};

template <int>
struct Pet : coerce::Actor {
  std::string name;
};

template <int>
struct Range {  // a range
  std::vector<int> numbers;
  auto begin() const { return numbers.begin(); }
  auto end() const { return numbers.end(); }
};

template <int>
struct Never {  // an awaitable
  std::string name;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<>) {}
  void await_resume() {}
};

coerce::Task<int> count();

using coerce::LocalActorRef;
using Events = coerce::ActorStarted;
using Strategy = coerce::SupervisorStrategy;

coerce::Task<void> references(LocalActorRef<Person> person, std::string s) {
  (void)co_await person.send(Text<1>{s});                          // refused
  (void)co_await person.send(Text<2>{s}, coerce::Duration(1));     // refused
  (void)person.notify(Text<3>{s});                                 // refused
  person.deliver(Text<4>{s}, [](coerce::Result<void>) {});         // refused
  person.deliver(Made(Text<6>{s}), [s](coerce::Result<void>) {});  // refused
  person.async_send(Text<5>{s}, asio::detached);                   // refused

  (void)co_await person.send<Made>(Text<11>{s});                           // refused
  (void)co_await person.send_for<Made>(coerce::Duration(1), Text<12>{s});  // refused
  (void)person.notify<Made>(Text<13>{s});                                  // refused

  (void)co_await person.exec([s](Person& p) { p.name = s; });  // refused
  (void)person.notify_exec([s](Person& p) { p.name = s; });    // refused
}

coerce::Task<void> receivers(coerce::Receiver<Text<21>> a, coerce::Receiver<Text<22>> b,
                             coerce::Receiver<Text<23>> c, std::string s) {
  (void)co_await a.send(Text<21>{s});                       // refused
  (void)co_await b.send(Text<22>{s}, coerce::Duration(1));  // refused
  (void)c.notify(Text<23>{s});                              // refused
}

coerce::Task<void> systems(coerce::ActorSystem system, std::string s) {
  (void)co_await system.new_actor("a", Pet<1>{{}, s});                 // refused
  (void)co_await system.new_tracked_actor(Pet<2>{{}, s});              // refused
  (void)co_await system.new_anon_actor(Pet<3>{{}, s});                 // refused
  (void)system.new_actor_deferred("a", Pet<4>{{}, s});                 // refused
  (void)co_await coerce::into_actor(Pet<5>{{}, s}, "a", system);       // refused
  (void)co_await coerce::into_anon_actor(Pet<6>{{}, s}, "a", system);  // refused
  (void)co_await coerce::new_actor(Pet<7>{{}, s});                     // refused

  (void)co_await system.new_actor<Person>("a", Text<31>{s});            // refused
  (void)co_await coerce::into_actor<Person>("a", system, Text<32>{s});  // refused

  auto events = system.events().subscribe<Events>([s](const Events&) {});  // refused
}

void senders(ActorContext& ctx, LocalActorRef<Person> person, coerce::Receiver<Text<25>> receiver,
             std::string s) {
  (void)person.notify_from(ctx, Text<24>{s});    // refused
  (void)receiver.notify_from(ctx, Text<25>{s});  // refused
  (void)ctx.stash(Text<26>{s});                  // refused

  const auto period = coerce::Duration(1);
  (void)person.scheduled_notify(Text<27>{s}, period);                         // refused
  (void)person.scheduled_notify<Made>(period, Text<28>{s});                   // refused
  auto timer = coerce::Timer::start(person, period, Text<29>{s});             // refused
  auto soon = coerce::Timer::start_immediately(person, period, Text<30>{s});  // refused
}

coerce::Task<void> contexts(ActorContext& ctx, std::string s) {
  (void)co_await ctx.spawn("a", Pet<11>{{}, s});                    // refused
  (void)co_await ctx.spawn("a", Pet<12>{{}, s}, Strategy::stop());  // refused
  (void)co_await ctx.spawn<Person>("a", Text<41>{s});               // refused
  (void)co_await ctx.spawn("a", [s] { return Person(s); });         // refused
  (void)ctx.spawn_deferred("a", Pet<13>{{}, s});                    // refused
  (void)ctx.spawn_deferred("a", [s] { return Person(s); });         // refused
  const auto decider = [](std::exception_ptr) { return coerce::Directive::Stop; };
  const auto factory = [] { return Person("Ada"); };
  (void)co_await ctx.spawn("a", factory, Strategy::decide(decider));
  (void)co_await ctx.spawn("a", factory, Strategy::decide([s](std::exception_ptr) {  // refused
                             return s.empty() ? coerce::Directive::Stop
                                              : coerce::Directive::Restart;
                           }));
}

void tasks_beside(ActorContext& ctx, LocalActorRef<Person> person, std::string s) {
  using coerce::attach_stream;
  using Number = coerce::Result<int>;
  using Numbers = std::vector<int>;
  const auto made = [](int) { return Made(Text<55>()); };
  (void)ctx.spawn_task([s](coerce::TaskContext) -> coerce::Task<void> { co_return; });  // refused
  (void)ctx.pipe_to_self<Person>(count(), [s](Number) { return Made(Text<56>{s}); });   // refused
  attach_stream(person, Range<1>(), {}, made);                                          // refused
  attach_stream(person, Numbers(), {}, [s](int) { return Made(Text<57>{s}); });         // refused
}

coerce::Task<void> workers(coerce::ActorSystem system, coerce::WorkerRef<Person> pool,
                           std::string s) {
  (void)co_await pool.dispatch(Text<50>{s});                                      // refused
  (void)co_await pool.dispatch<Made>(Text<51>{s});                                // refused
  (void)co_await coerce::into_worker(Pet<21>{{}, s}, 2, "a", system);             // refused
  (void)co_await coerce::into_worker([s] { return Person(s); }, 2, "b", system);  // refused
}

coerce::Task<void> vocabulary(std::string s) {
  (void)co_await coerce::blocking([s] { return s.size(); });              // refused
  (void)co_await coerce::when_all(Never<1>{s}, count());                  // refused
  (void)co_await coerce::when_any(Never<2>{s}, count());                  // refused
  (void)co_await coerce::with_timeout(Never<3>{s}, coerce::Duration(1));  // refused
}
