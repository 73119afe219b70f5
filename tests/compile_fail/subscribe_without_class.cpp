// expect: does not know the class
// A subscription of an actor for itself has to say of which class it is.

#include <coerce/pubsub.hpp>

struct Topic {
  using Message = int;
  static constexpr std::string_view topic_name = "topic";
};

class Listener : public coerce::Actor {
 public:
  void started(coerce::ActorContext& ctx) {
    auto named = coerce::PubSub::subscribe<Listener>(Topic(), ctx);
    // refused: coerce: a context does not know the class of its actor
    auto unnamed = coerce::PubSub::subscribe(Topic(), ctx);
  }
  void handle(coerce::Receive<Topic>, coerce::ActorContext&) {}
};
