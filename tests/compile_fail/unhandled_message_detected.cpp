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
