// Two nodes as their peers see each other, joined by streams in memory.

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include <coerce/codec/members.hpp>
#include <coerce/runtime/sleep.hpp>
#include <coerce/testkit/test_system.hpp>

#include "remote/memory_connection.hpp"
#include "remote/peer.hpp"

namespace remote_test {

struct Number {
  std::int64_t value = 0;
};
struct Text {
  std::string text{};
};
/// Gives back what it is asked.
struct Ask {
  using Result = std::string;
  std::string text{};
};
/// Waits so long before it answers.
struct AskSlowly {
  using Result = std::int64_t;
  std::int64_t milliseconds = 0;
};
struct Unnamed {};
struct WithoutCodec {
  void* pointer = nullptr;
};

}  // namespace remote_test

template <>
struct coerce::Codec<remote_test::Number>
    : coerce::MemberCodec<remote_test::Number, &remote_test::Number::value> {};
template <>
struct coerce::Codec<remote_test::Text>
    : coerce::MemberCodec<remote_test::Text, &remote_test::Text::text> {};
template <>
struct coerce::Codec<remote_test::Ask>
    : coerce::MemberCodec<remote_test::Ask, &remote_test::Ask::text> {};
template <>
struct coerce::Codec<remote_test::AskSlowly>
    : coerce::MemberCodec<remote_test::AskSlowly, &remote_test::AskSlowly::milliseconds> {};

namespace remote_test {

class Listener : public coerce::Actor {
 public:
  struct Heard {
    std::vector<std::int64_t> numbers;
    std::vector<std::string> texts;
    int asked = 0;
    std::optional<coerce::Duration> left;  ///< until the deadline of the last question
  };
  explicit Listener(std::shared_ptr<Heard> heard) : heard_(std::move(heard)) {}

  void handle(Number message, coerce::ActorContext&) { heard_->numbers.push_back(message.value); }
  void handle(Text message, coerce::ActorContext&) { heard_->texts.push_back(message.text); }
  std::string handle(Ask message, coerce::ActorContext& ctx) {
    ++heard_->asked;
    if (const auto deadline = ctx.deadline()) heard_->left = *deadline - ctx.system().clock().now();
    return message.text;
  }
  coerce::Task<std::int64_t> handle(AskSlowly message, coerce::ActorContext&) {
    ++heard_->asked;
    const auto slept = co_await coerce::sleep_for(std::chrono::milliseconds(message.milliseconds));
    co_return slept ? message.milliseconds : -1;
  }
  void handle(Unnamed, coerce::ActorContext&) {}
  void handle(WithoutCodec, coerce::ActorContext&) {}

 private:
  std::shared_ptr<Heard> heard_;
};

/// Takes the same names and is another type.
class Stranger : public coerce::Actor {
 public:
  void handle(Number, coerce::ActorContext&) {}
};

/// What a peer needs of its node.
class Host : public coerce::detail::PeerHost {
 public:
  explicit Host(coerce::ActorSystem system) : system_(std::move(system)) {
    table.with_handler<Listener, Number>("Listener.Number")
        .with_handler<Listener, Text>("Listener.Text")
        .with_handler<Listener, Ask>("Listener.Ask")
        .with_handler<Listener, AskSlowly>("Listener.AskSlowly")
        .with_handler<Listener, WithoutCodec>("Listener.WithoutCodec");
  }

  const coerce::RemoteHandlers& handlers() const noexcept override { return table; }
  coerce::detail::CellRef find_actor(const coerce::ActorId& id) noexcept override {
    return coerce::detail::CellRef(coerce::detail::find_tracked(system_.core(), id));
  }
  void serve(const std::shared_ptr<coerce::detail::Peer>& peer, coerce::detail::InternalKind kind,
             coerce::Bytes payload, std::optional<std::uint64_t> ask) override {
    served.emplace_back(kind, payload);
    if (!ask || holds_asks) return;
    payload.push_back('!');
    peer->answer(*ask, std::move(payload));
  }
  coerce::Authenticator* authenticator() noexcept override { return proves.get(); }
  void draw_secret(std::span<std::uint8_t> into) override {
    for (auto& byte : into) byte = static_cast<std::uint8_t>(++secrets);
  }
  void heard(coerce::detail::Peer&, coerce::Duration latency) noexcept override {
    ++pongs;
    last_latency = latency;
  }
  coerce::Task<coerce::Result<coerce::ActorStatus>> status_of(std::shared_ptr<coerce::detail::Peer>,
                                                              coerce::ActorId) override {
    co_return coerce::ActorStatus::Started;
  }
  coerce::Task<coerce::Result<void>> stop_of(std::shared_ptr<coerce::detail::Peer>,
                                             coerce::ActorId) override {
    ++stops;
    co_return coerce::Result<void>();
  }
  coerce::Task<coerce::DescribeResult> describe_of(std::shared_ptr<coerce::detail::Peer>,
                                                   coerce::ActorId id,
                                                   coerce::DescribeOptions) override {
    co_return coerce::DescribeResult(id, id, coerce::ActorRefErr::NotImplemented());
  }
  coerce::Result<void> watch_of(const std::shared_ptr<coerce::detail::Peer>&, coerce::detail::Cell&,
                                coerce::detail::ForeignCell&) override {
    ++watches;
    return {};
  }
  void unwatch_of(const std::shared_ptr<coerce::detail::Peer>&, coerce::detail::Cell&,
                  coerce::detail::ForeignCell&) noexcept override {
    --watches;
  }

  coerce::RemoteHandlers table;
  std::vector<std::pair<coerce::detail::InternalKind, coerce::Bytes>> served;
  bool holds_asks = false;
  std::shared_ptr<coerce::Authenticator> proves;  ///< of links that begin from now on
  unsigned secrets = 0;
  int pongs = 0, stops = 0, watches = 0;
  coerce::Duration last_latency{};

 private:
  coerce::ActorSystem system_;
};

/// Node a, which the test sends from, and node b; both in one system.
class World {
 public:
  struct Side {
    Side(coerce::ActorSystem system, coerce::NodeId other, coerce::detail::PeerOptions options)
        : host(system) {
      coerce::NodeDescription node;
      node.id = other;
      peer = std::make_shared<coerce::detail::Peer>(system, host, node, options);
    }
    Host host;
    std::shared_ptr<coerce::detail::Peer> peer;  ///< the other one, as this side sees it
    std::vector<coerce::detail::LinkEnd> ends;   ///< of links
  };
  struct Wire {
    std::shared_ptr<MemoryStream> there = std::make_shared<MemoryStream>();
    std::shared_ptr<MemoryStream> back = std::make_shared<MemoryStream>();
  };

  explicit World(coerce::testkit::TestSystem& system, coerce::detail::PeerOptions options = {})
      : test(system), a(system.system(), 2, options), b(system.system(), 1, options) {}
  ~World() {
    a.peer->cut("the test ends");
    b.peer->cut("the test ends");
    test.run_until_idle();
  }

  /// Joins both sides by a new link, without running anything.
  Wire join(std::uint64_t generation = 1,
            std::size_t max_frame = coerce::detail::kDefaultMaxFrame) {
    Wire wire;
    carry(a, wire.back, wire.there, generation, max_frame);
    carry(b, wire.there, wire.back, generation, max_frame);
    return wire;
  }
  /// Side b is the test itself.
  Wire join_alone(Side& side, std::uint64_t generation = 1) {
    Wire wire;
    carry(side, wire.there, wire.back, generation, coerce::detail::kDefaultMaxFrame);
    return wire;
  }
  void carry(Side& side, std::shared_ptr<MemoryStream> in, std::shared_ptr<MemoryStream> out,
             std::uint64_t generation, std::size_t max_frame) {
    coerce::detail::LinkTerms terms;
    terms.peer = side.peer->node();
    terms.generation = generation;
    terms.max_frame = max_frame;
    test.system().spawn(run(side, std::make_unique<MemoryConnection>(std::move(in), std::move(out)),
                            std::move(terms)));
  }

  /// An actor of the other side, seen from `side`.
  template <class A = Listener>
  coerce::ActorRef<A> ref(Side& side, std::string_view id) {
    return coerce::ActorRef<A>(coerce::detail::ForeignCell::make(
        test.system().core(), coerce::ActorId(id), &coerce::detail::kActorKey<A>,
        coerce::type_name_of<A>(), side.peer));
  }
  std::shared_ptr<Listener::Heard> listen(std::string_view id) {
    auto heard = std::make_shared<Listener::Heard>();
    listeners.push_back(test.start<Listener>(id, heard));
    return heard;
  }

  coerce::testkit::TestSystem& test;
  Side a, b;
  std::vector<coerce::LocalActorRef<Listener>> listeners;

 private:
  static coerce::Task<void> run(Side& side, std::unique_ptr<coerce::Connection> connection,
                                coerce::detail::LinkTerms terms) {
    const auto peer = side.peer;
    auto carried = peer->carry(std::move(connection), std::move(terms));
    auto end = co_await carried;
    side.ends.push_back(std::move(end));
  }
};

/// Begins to send, and runs until there is nothing to do. What it has come to, when it has.
template <class Awaiter>
auto ask(coerce::testkit::TestSystem& test, Awaiter awaiter) {
  using Answer = coerce::AwaitResult<Awaiter>;
  auto outcome = std::make_shared<std::optional<Answer>>();
  test.system().spawn([](Awaiter sending, auto into) -> coerce::Task<void> {
    auto answer = co_await std::move(sending);
    into->emplace(std::move(answer));
  }(std::move(awaiter), outcome));
  test.run_until_idle();
  return outcome;
}

inline void stall(const std::shared_ptr<MemoryStream>& stream, bool stalled = true) {
  stream->change([&](StreamTrouble& trouble) { trouble.stalled = stalled; });
}

inline void require_balance(const coerce::NetworkCounters& counters) {
  REQUIRE(counters.messages_sent == counters.peer_delivered + counters.peer_refused +
                                        counters.dead_letters + counters.unconfirmed);
}

}  // namespace remote_test
