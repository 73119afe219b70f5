#include <coerce/persistence/persistent_actor.hpp>

#include <catch2/catch.hpp>

#include <coerce/persistence/in_memory.hpp>
#include <coerce/testkit.hpp>

namespace coerce::test::unrecoverable_cases {

/// As deep as it is told to be.
struct Nest {
  std::vector<Nest> inside{};
};

Nest nest(std::size_t depth) {
  Nest made;
  if (depth > 0) made.inside.push_back(nest(depth - 1));
  return made;
}
std::size_t depth_of(const Nest& nest) {
  return nest.inside.empty() ? 0 : 1 + depth_of(nest.inside.front());
}

}  // namespace coerce::test::unrecoverable_cases

template <>
struct coerce::Codec<coerce::test::unrecoverable_cases::Nest> {
  using Nest = coerce::test::unrecoverable_cases::Nest;
  static Result<void> encode(const Nest& nest, Bytes& out) {
    return Codec<std::vector<Nest>>::encode(nest.inside, out);
  }
  static Result<Nest> decode(BytesView bytes, CodecLimits limits = {}) {
    auto inside = Codec<std::vector<Nest>>::decode(bytes, limits);
    if (!inside) return unexpected(std::move(inside).error());
    return Nest{std::move(*inside)};
  }
};

namespace coerce::test::unrecoverable_cases {
namespace {

struct Build {
  using Result = std::optional<PersistErrKind>;  ///< none: written
  std::size_t depth;
};
struct Deepest {
  using Result = std::size_t;
};

class Bird : public PersistentActor<Bird> {
 public:
  static void configure(JournalTypes<Bird>& types) { types.message<Nest>("Nest"); }
  void recover(const Nest& nest, ActorContext&) { note(nest); }
  Task<std::optional<PersistErrKind>> handle(Build message, ActorContext& ctx) {
    const Nest built = nest(message.depth);
    const auto persisted = co_await persist(built, ctx);
    if (!persisted) co_return persisted.error().kind();
    note(built);
    co_return std::nullopt;
  }
  std::size_t handle(Deepest, ActorContext&) const { return deepest_; }

 private:
  void note(const Nest& nest) { deepest_ = std::max(deepest_, depth_of(nest)); }

  std::size_t deepest_ = 0;
};

}  // namespace

TEST_CASE("an event that could not be recovered is not written, and the actor goes on",
          "[persistence]") {
  const InMemoryStorageProvider provider;
  testkit::TestSystem test({}, ActorSystem::builder().with_persistence(provider));
  const auto bird = test.start<Bird>("bird");
  const auto built = test.run(bird.send(Build{64}));
  REQUIRE(built);
  REQUIRE(*built == std::nullopt);
  const auto refused = test.run(bird.send(Build{65}));
  REQUIRE(refused);
  REQUIRE(*refused == PersistErrKind::Serialisation);
  const auto again = test.run(bird.send(Build{3}));
  REQUIRE(again);
  REQUIRE(*again == std::nullopt);
  REQUIRE(test.run(bird.stop()));

  const auto next = test.start<Bird>("bird");
  REQUIRE(test.run(next.send(Deepest{})).value() == 64);
  REQUIRE(test.run(provider.journal_storage()->head("bird")).value() == 2);
}

}  // namespace coerce::test::unrecoverable_cases
