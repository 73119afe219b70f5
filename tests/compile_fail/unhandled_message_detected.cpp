// expect-ok
// A refused message is no error where it is only asked for, and changes no overload resolution.
#include <coerce/actor.hpp>

struct Known {
  explicit Known(int) {}
};
struct Unknown {};

struct Listener : coerce::Actor {
  void handle(Known, coerce::ActorContext&) {}
};
using Ref = coerce::LocalActorRef<Listener>;

template <class R, class M>
concept Tells = requires(const R& ref, M message) { ref.notify(message); };
template <class R, class M>
concept Asks = requires(const R& ref, M message) { ref.send(message); };
template <class R, class M>
concept AsksInTime =
    requires(const R& ref, M message, coerce::Duration d) { ref.send(message, d); };
template <class R, class M, class... Args>
concept TellsInPlace = requires(const R& ref, Args... args) { ref.template notify<M>(args...); };
template <class R, class M, class... Args>
concept AsksInPlace = requires(const R& ref, Args... args) { ref.template send<M>(args...); };

static_assert(Tells<Ref, Known> && !Tells<Ref, Unknown> && !Tells<Ref, int>);
static_assert(Asks<Ref, Known> && !Asks<Ref, Unknown> && !Asks<Ref, int>);
static_assert(AsksInTime<Ref, Known> && !AsksInTime<Ref, Unknown>);
static_assert(TellsInPlace<Ref, Known, int> && !TellsInPlace<Ref, Known, Unknown>);
static_assert(!TellsInPlace<Ref, Unknown> && !AsksInPlace<Ref, Unknown>);
static_assert(AsksInPlace<Ref, Known, int> && !AsksInPlace<Ref, Known>);
static_assert(Tells<coerce::ActorRef<Listener>, Known> && !Tells<coerce::ActorRef<Listener>, int>);
static_assert(sizeof(Ref) == sizeof(void*));

using Pool = coerce::WorkerRef<Listener>;
template <class P, class M>
concept Dispatches = requires(const P& pool, M message) { pool.dispatch(message); };
template <class P, class M, class... Args>
concept DispatchesInPlace =
    requires(const P& pool, Args... args) { pool.template dispatch<M>(args...); };
template <class R, class M>
concept Ticks = requires(const R& ref, coerce::Duration period, M message) {
  coerce::Timer::start(ref, period, message);
  coerce::Timer::start_immediately(ref, period, message);
};

static_assert(Dispatches<Pool, Known> && !Dispatches<Pool, Unknown> && !Dispatches<Pool, int>);
static_assert(DispatchesInPlace<Pool, Known, int> && !DispatchesInPlace<Pool, Known, Unknown>);
static_assert(!DispatchesInPlace<Pool, Unknown>);
static_assert(Ticks<Ref, Known> && !Ticks<Ref, Unknown> && !Ticks<Ref, int>);

template <class M>
using Receiver = coerce::Receiver<M>;
static_assert(std::convertible_to<Ref, Receiver<Known>>);
static_assert(!std::convertible_to<Ref, Receiver<Unknown>>);
static_assert(!std::constructible_from<Receiver<Unknown>, Ref>);
static_assert(Tells<Receiver<Known>, Known> && !Tells<Receiver<Known>, Unknown>);
static_assert(!Tells<Receiver<Known>, int> && !Asks<Receiver<Known>, int>);
static_assert(TellsInPlace<Receiver<Known>, Known, int>);
static_assert(!TellsInPlace<Receiver<Known>, Unknown> && !AsksInPlace<Receiver<Known>, Unknown>);
static_assert(sizeof(Receiver<Known>) == 3 * sizeof(void*));

int subscribe(Receiver<Known>);
void subscribe(Receiver<Unknown>);
static_assert(std::same_as<decltype(subscribe(std::declval<Ref>())), int>);
