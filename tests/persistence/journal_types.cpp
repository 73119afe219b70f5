#include <coerce/persistence/journal_types.hpp>

#include <catch2/catch.hpp>

#include <coerce/testkit.hpp>

#include "persistence/account.hpp"

namespace {

using namespace coerce;
using testkit::TestSystem;

struct Text {
  using Result = std::string;
};

/// What it writes today is a Named; it once wrote names as plain texts, and before that numbers.
struct Named {
  explicit Named(std::string what = {}) : name(std::move(what)) {}
  std::string name;
};

}  // namespace

template <>
struct coerce::Codec<Named> : coerce::MemberCodec<Named, &Named::name> {};

namespace {

class Notebook : public PersistentActor<Notebook> {
 public:
  static void configure(JournalTypes<Notebook>& types) {
    types.message<Named>("Named")
        .upgrade<std::string>("Name", [](std::string old) { return Named(std::move(old)); })
        .upgrade<std::uint32_t>("Number", [](std::uint32_t old) -> Result<std::string> {
          if (old == 13) return coerce::unexpected(ActorRefErr::Deserialisation("unlucky"));
          return std::to_string(old);
        });
  }
  void recover(Named event, ActorContext&) { text_ += event.name + ";"; }
  std::string handle(Text, ActorContext&) const { return text_; }

 private:
  std::string text_;
};

template <class T>
JournalEntry entry(std::string_view type, const T& value) {
  JournalEntry made;
  made.payload_type = type;
  made.bytes = encode_message(value).value();
  return made;
}

struct Fixture {
  InMemoryStorageProvider provider;
  TestSystem test{{}, ActorSystem::builder().with_persistence(provider)};

  void write(std::vector<JournalEntry> entries) {
    const auto journal = provider.journal_storage();
    const auto opened = test.run(journal->open("notes"));
    REQUIRE(opened);
    REQUIRE(test.run(journal->append(opened->token, opened->head, AppendId{1, 1}, entries)));
  }
};

class Twice : public PersistentActor<Twice> {
 public:
  static void configure(JournalTypes<Twice>& types) {
    types.message<std::string>("Same").message<std::uint32_t>("Same");
  }
  void recover(std::string, ActorContext&) {}
  void recover(std::uint32_t, ActorContext&) {}
};

/// Keeps a large state.
class Large : public PersistentActor<Large> {
 public:
  static void configure(JournalTypes<Large>& types) { types.snapshot<std::string>("State"); }
  void recover(std::string state, ActorContext&) { state_ = std::move(state); }
  Task<Result<std::string>> handle(Text, ActorContext& ctx) {
    const auto written = co_await snapshot(state_ + "!", ctx);
    if (!written)
      co_return coerce::unexpected(ActorRefErr::HandlerFailed(written.error().detail()));
    co_return state_;
  }

 private:
  std::string state_ = std::string(5u << 20, 'x');
};

}  // namespace

TEST_CASE("events of old versions are brought up to date, also by several steps", "[persistence]") {
  Fixture fixture;
  fixture.write({entry("Number", std::uint32_t{7}), entry("Name", std::string("seven")),
                 entry("Named", Named("Seven"))});
  const auto notes = fixture.test.start<Notebook>("notes");
  REQUIRE(fixture.test.run(notes.send(Text{})).value() == "7;seven;Seven;");
}

TEST_CASE("an upgrade that fails fails the recovery", "[persistence]") {
  Fixture fixture;
  fixture.write({entry("Number", std::uint32_t{13})});
  const auto started = fixture.test.run(into_actor<Notebook>("notes", fixture.test.system()));
  REQUIRE(!started);
  REQUIRE(started.error().detail().find("unlucky") != std::string::npos);
}

TEST_CASE("an actor whose configure() is wrong does not start, and says why", "[persistence]") {
  Fixture fixture;
  const auto started = fixture.test.run(into_actor<Twice>("twice", fixture.test.system()));
  REQUIRE(!started);
  REQUIRE(started.error().detail().find("'Same'") != std::string::npos);
  fixture.test.expect_failure("'Same'");
}

TEST_CASE("a snapshot may be larger than what is decoded from strangers", "[persistence]") {
  Fixture fixture;
  const auto first = fixture.test.start<Large>("large");
  REQUIRE(fixture.test.run(first.send(Text{})));
  REQUIRE(fixture.test.run(first.stop()));
  const auto second = fixture.test.start<Large>("large");
  const auto state = fixture.test.run(second.send(Text{})).value();
  REQUIRE(state.size() == (5u << 20) + 1);
}
