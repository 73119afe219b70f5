// expect: coerce: GCC 12 destroys an aggregate or lambda temporary twice
// compiler: gcc12
#include <coerce/actor.hpp>
#include <string>

struct Child : coerce::Actor {
  explicit Child(std::string text) : name(std::move(text)) {}
  std::string name;
};

struct Parent : coerce::Actor {
  coerce::Task<void> started(coerce::ActorContext& ctx) {
    std::string name = "a name that is too long for the small string";
    const auto child = co_await ctx.spawn("child", [name] { return Child(name); });
    (void)child;
  }
};

coerce::Task<void> run(coerce::ActorSystem system) {
  const auto parent = co_await system.new_actor("parent", Parent());
  (void)parent;
}
