// expect: coerce: the sink of this TypeTable has no accept\(\) for this type
#include <coerce/codec.hpp>

struct Sink {
  using Answer = void;
  void accept(int*) {}
};

void configure(coerce::TypeTable<Sink>& types) { types.type<std::string>("Text"); }
