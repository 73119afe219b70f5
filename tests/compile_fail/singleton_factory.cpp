// expect: no matching (member )?function
// What makes a singleton returns an actor of its class.

#include <coerce/singleton.hpp>

class Clerk : public coerce::Actor {
 public:
  static constexpr std::string_view type_name = "Clerk";
};
class Guest : public coerce::Actor {
 public:
  static constexpr std::string_view type_name = "Guest";
};

void build(const coerce::RemoteActorSystem& node) {
  auto builder = coerce::Singleton<Clerk>::builder(node);
  const auto clerk = [] { return Clerk(); };
  builder.factory(clerk);
  const auto guest = [] { return Guest(); };
  builder.factory(guest);  // refused
}
