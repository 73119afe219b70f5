// expect: coerce: this type has no codec; specialise coerce::Codec for it
#include <coerce/codec.hpp>

struct Event {};

struct Sink {
  using Answer = void;
  void accept(Event) {}
};

void configure(coerce::TypeTable<Sink>& types) { types.type<Event>("Event"); }
