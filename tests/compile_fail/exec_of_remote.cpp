// expect: exec\(\) needs
// Code does not travel: exec() is refused for a reference that may be to an actor of another node.
#include <coerce/actor.hpp>

struct Listener : coerce::Actor {};

coerce::Task<void> run_there(coerce::ActorRef<Listener> ref) {
  // refused: coerce: exec() needs an actor of this process: unwrap_local() the reference
  co_await ref.exec([](Listener&) {});
}
void run_blocking(coerce::ActorRef<Listener> ref) {
  // refused: coerce: exec() needs an actor of this process: unwrap_local() the reference
  ref.exec_blocking([](Listener&) {});
  // refused: coerce: exec() needs an actor of this process: unwrap_local() the reference
  ref.notify_exec([](Listener&) {});
}
