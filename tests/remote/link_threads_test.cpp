#include "remote/peer.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <thread>

#include "storm_support.hpp"

namespace coerce::test::threads_cases {
namespace {

using storm::Asked;
using storm::Ear;
using storm::Heard;
using storm::Said;
using storm::Words;

constexpr int kSenders = 4;
constexpr int kCuts = 20;

/// A node of its own threads, over TCP on this machine.
struct Node {
  explicit Node(NodeId id) {
    auto builder = RemoteActorSystem::builder();
    builder.with_id(id).with_actor_system(system).limits(storm::small_limits());
    builder.with_handlers([](RemoteHandlers& handlers) {
      handlers.with_handler<Ear, Said>("Ear.Said").with_handler<Ear, Asked>("Ear.Asked");
    });
    auto built = system.block_on(builder.build());
    REQUIRE(built);
    remote = *built;
    auto started = system.block_on(into_actor<Ear>(ActorId("ear"), system, heard));
    REQUIRE(started);
    ear = *started;
  }

  ActorSystem system = ActorSystem::builder().worker_threads(2).build();
  std::shared_ptr<Heard> heard = std::make_shared<Heard>();
  std::optional<RemoteActorSystem> remote;
  std::optional<LocalActorRef<Ear>> ear;
};

/// What one task has sent, and what it knows of its fate.
struct Sender {
  std::int64_t sent = 0;
  std::set<std::int64_t> refused;
  std::set<std::int64_t> answered;
};

void note(Sender& sender, std::int64_t number, const ActorRefErr& error) {
  if (error.outcome() == ActorRefErr::Outcome::NotDelivered) sender.refused.insert(number);
}

Task<void> send_until(const std::atomic<bool>& enough, ActorRef<Ear> ear, std::int64_t name,
                      Sender& sender) {
  while (!enough) {
    const std::int64_t number = ++sender.sent;
    Words words;
    words.life = name;
    words.number = number;
    words.load.assign(static_cast<std::size_t>(number % 500 == 0 ? 100'000 : number % 100), 'x');
    bool is_taken = true;
    if (number % 8 == 1) {  // never a multiple of 16, so the ear does not sleep
      const Asked asked{std::move(words)};
      auto sending = ear.send(asked);
      auto answer = co_await sending;
      is_taken = answer.has_value();
      if (answer)
        sender.answered.insert(number);
      else
        note(sender, number, answer.error());
    } else {
      const Said said{std::move(words)};
      const auto sent = ear.notify(said);
      is_taken = sent.has_value();
      if (!sent) note(sender, number, sent.error());
    }
    if (!is_taken || number % 20 == 0) {
      const bool slept = co_await sleep_for(1ms);
      if (!slept) co_return;
    }
  }
}

template <class F>
bool within(Duration limit, const F& done) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

}  // namespace

TEST_CASE("many threads lose no order, no request and no count while links are cut",
          "[link][tcp][B-209][B-211]") {
  std::vector<Sender> senders(2 * kSenders);
  std::atomic<bool> enough{false};
  std::atomic<int> done{0};
  Node first(1), second(2);  // end before what their tasks refer to
  auto listening = first.remote->cluster_worker();
  auto seed = first.system.block_on(listening.listen_addr("127.0.0.1:0").start());
  REQUIRE(seed);
  auto joining = second.remote->cluster_worker();
  joining.listen_addr("127.0.0.1:0").with_seed_addr(seed->local_addr());
  REQUIRE(second.system.block_on(joining.start()));
  std::shared_ptr<detail::Peer> there, back;
  REQUIRE(within(10s, [&] {
    there = first.remote->core().peer(2);
    back = second.remote->core().peer(1);
    return there && back && there->is_connected() && back->is_connected();
  }));

  const auto run = [&](ActorRef<Ear> ear, std::int64_t name, Sender& sender) -> Task<void> {
    auto sending = send_until(enough, std::move(ear), name, sender);
    co_await sending;
    ++done;
  };
  for (int i = 0; i < kSenders; ++i) {
    const auto name = static_cast<std::size_t>(i);
    first.system.spawn(run(storm::ear_of(first.system, there), i, senders[name]));
    second.system.spawn(run(storm::ear_of(second.system, back), i, senders[kSenders + name]));
  }
  const auto sent_until_now = [&] { return first.remote->counters(2).messages_sent; };
  for (int cuts = 0; cuts < kCuts; ++cuts) {
    const auto links = there->generation();
    const auto before = sent_until_now();
    REQUIRE(within(30s, [&] { return sent_until_now() > before + 100; }));
    (cuts % 2 == 0 ? there : back)->cut("the test cuts it");
    REQUIRE(within(30s, [&] { return there->generation() > links && there->is_connected(); }));
  }
  enough = true;
  REQUIRE(within(60s, [&] { return done == 2 * kSenders; }));
  REQUIRE(within(30s, [&] { return there->is_connected() && back->is_connected(); }));

  first.system.block_on(first.remote->leave());
  second.system.block_on(second.remote->leave());
  for (Node* node : {&first, &second}) {
    CHECK(node->remote->inflight_remote_request_count() == 0);
    const auto counters = node->remote->counters();
    CHECK(counters.messages_sent == counters.peer_delivered + counters.peer_refused +
                                        counters.dead_letters + counters.unconfirmed);
    CHECK(counters.links_opened == counters.links_ended);
    CHECK(node->system.shutdown_blocking(10s).complete);  // so nobody hears any more
  }
  for (std::size_t i = 0; i < senders.size(); ++i) {
    const Heard& heard = i < kSenders ? *second.heard : *first.heard;
    std::int64_t last = 0;
    bool in_order = true;
    std::size_t refused = 0, answered = 0;
    for (const auto& [speaker, name, number] : heard.all) {
      if (name != static_cast<std::int64_t>(i % kSenders)) continue;
      in_order = in_order && number > last;
      last = number;
      refused += senders[i].refused.count(number);
      answered += senders[i].answered.count(number);
    }
    CHECK(in_order);
    CHECK(refused == 0);
    CHECK(answered == senders[i].answered.size());
  }
}

}  // namespace coerce::test::threads_cases
