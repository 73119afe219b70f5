#include "storm_support.hpp"

#include <algorithm>

namespace coerce::test::storm {

ActorRef<Ear> ear_of(const ActorSystem& system, std::shared_ptr<detail::Peer> peer) {
  return ActorRef<Ear>(detail::ForeignCell::make(system.core(), ActorId("ear"),
                                                 &detail::kActorKey<Ear>, type_name_of<Ear>(),
                                                 std::move(peer)));
}

namespace {

std::string words(const Words::Name& name) {
  const auto [speaker, life, number] = name;
  return std::to_string(number) + " of node " + std::to_string(speaker) + " in its life " +
         std::to_string(life);
}

}  // namespace

// ---- lives --------------------------------------------------------------------------------------

void Storm::begin_life(NodeId id) {
  auto life = std::make_shared<Life>();
  life->number = static_cast<std::int64_t>(sim.node(id).life());
  life->remote = build_node(sim.node(id), [](RemoteActorSystemBuilder& builder) {
    builder.limits(small_limits()).with_handlers([](RemoteHandlers& handlers) {
      handlers.with_handler<Ear, Said>("Ear.Said").with_handler<Ear, Asked>("Ear.Asked");
    });
  });
  sim.node(id).start<Ear>("ear", life->heard);
  std::vector<std::string> seeds;
  for (NodeId other = 1; other <= sim.nodes(); ++other)
    seeds.push_back(address_of(sim.node(other)));
  life->starting = begin_start(sim.node(id), worker_of(sim.node(id), *life->remote, seeds));
  lives_[static_cast<std::size_t>(id)].push_back(std::move(life));
}

void Storm::begin_to_talk(NodeId id) {
  const auto& life = lives_[static_cast<std::size_t>(id)].back();
  const ActorSystem system = sim.node(id).system();
  system.spawn(talk(life, id, sim.nodes(), system));
}

Task<void> Storm::talk(std::shared_ptr<Life> life, NodeId self, std::size_t nodes,
                       ActorSystem system) {
  Rng& rng = system.scheduler().rng();
  while (!life->is_silent) {
    const auto pause = std::chrono::milliseconds(20 + rng.below(400));
    const bool slept = co_await sleep_for(pause);
    if (!slept) co_return;
    for (auto count = 1 + rng.below(12); count > 0; --count) {
      const auto to = static_cast<NodeId>(1 + rng.below(nodes));
      if (to != self) say(life, self, to, system);
    }
  }
}

void Storm::say(const std::shared_ptr<Life>& life, NodeId self, NodeId to,
                const ActorSystem& system) {
  auto peer = life->remote->core().peer(to);
  if (peer == nullptr) return;
  Rng& rng = system.scheduler().rng();
  Talk& talk = life->talks[to];
  Words words;
  words.speaker = static_cast<std::int64_t>(self);
  words.life = life->number;
  words.load.assign(rng.below(40) == 0 ? rng.below(150'000) : rng.below(200), 'x');
  auto ear = ear_of(system, std::move(peer));
  if (rng.below(3) == 0) {
    std::optional<Duration> limit;
    if (rng.below(2) == 0) limit = std::chrono::milliseconds(1 + rng.below(3'000));
    ++talk.open;
    ++talk.asked;
    if (!system.spawn(wait_for_answer(life, to, std::move(ear), Asked{std::move(words)}, limit)))
      --talk.open;
  } else {
    words.number = talk.next++;
    const Said said{words};
    if (!ear.notify(said)) talk.refused.insert(words.number);
  }
}

Task<void> Storm::wait_for_answer(std::shared_ptr<Life> life, NodeId to, ActorRef<Ear> ear,
                                  Asked words, std::optional<Duration> limit) {
  // Now, as others may have been sent since this task was begun.
  const std::int64_t number = words.number = life->talks[to].next++;
  Result<std::int64_t> answer;
  if (limit) {
    auto sending = ear.send(words, *limit);
    answer = co_await sending;
  } else {
    auto sending = ear.send(words);
    answer = co_await sending;
  }
  Talk& talk = life->talks[to];
  --talk.open;
  if (answer)
    talk.answered.insert(number);
  else if (answer.error().outcome() == ActorRefErr::Outcome::NotDelivered)
    talk.refused.insert(number);
}

// ---- promises -----------------------------------------------------------------------------------

// What waits: the messages of users up to the high water mark and the last one, the answers up to
// sixteen times of it, the control lane up to twice its reserve; for each of two peers.
void Storm::check_memory() {
  constexpr std::size_t kOfOnePeer = (64u << 10) * 17 + 150'000 + (512u << 10);
  for (const auto& lives : lives_) {
    if (lives.empty() || lives.back()->is_over) continue;
    sim.check(lives.back()->remote->counters().queue_bytes <= 2 * kOfOnePeer,
              "what waits for links is bounded");
  }
  sim.check(sim.bytes_in_network() <= (std::size_t{8} << 20), "the network holds little");
}

void Storm::check_requests() {
  for_each_life([&](NodeId id, Life& life) {
    if (life.is_over) return;
    for (const auto& [to, talk] : life.talks)
      sim.check(talk.open == 0, "each request of node " + std::to_string(id) + " has ended");
    sim.check(life.remote->inflight_remote_request_count() == 0, "the tables are empty");
  });
}

void Storm::check_order() {
  for_each_life([&](NodeId, Life& life) {
    std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> latest;
    for (const auto& name : life.heard->all) {
      const auto [speaker, its_life, number] = name;
      std::int64_t& last = latest[{speaker, its_life}];
      sim.check(number > last, "in order and once: " + words(name));
      last = number;
    }
  });
}

// Whoever is told that a message was not delivered may rely on it; and an answer has a reason.
void Storm::check_words() {
  std::map<NodeId, std::set<Words::Name>> heard;
  for_each_life([&](NodeId id, Life& life) {
    heard[id].insert(life.heard->all.begin(), life.heard->all.end());
  });
  for_each_life([&](NodeId id, Life& life) {
    for (const auto& [to, talk] : life.talks) {
      const auto name = [&](std::int64_t number) {
        return Words::Name{static_cast<std::int64_t>(id), life.number, number};
      };
      for (const std::int64_t number : talk.refused)
        sim.check(!heard[to].contains(name(number)), "refused, yet heard: " + words(name(number)));
      for (const std::int64_t number : talk.answered)
        sim.check(heard[to].contains(name(number)),
                  "answered, never heard: " + words(name(number)));
    }
  });
}

void Storm::check_drain() {
  std::vector<std::uint64_t> before;
  for (NodeId id = 1; id <= sim.nodes(); ++id)
    before.push_back(life(id).remote->counters().unconfirmed);
  for (NodeId id = 1; id <= sim.nodes(); ++id) sim.node(id).run(life(id).remote->leave());
  sim.run_for(1s);
  for (NodeId id = 1; id <= sim.nodes(); ++id) {
    const NetworkCounters counters = life(id).remote->counters();
    sim.check(counters.links_opened == counters.links_ended, "no link is left");
    sim.check(counters.unconfirmed == before[static_cast<std::size_t>(id - 1)],
              "a clean drain leaves nothing unconfirmed");
    sim.check(counters.messages_sent == counters.peer_delivered + counters.peer_refused +
                                            counters.dead_letters + counters.unconfirmed,
              "the counters of node " + std::to_string(id) + " agree");
    sim.check(counters.messages_received == counters.messages_delivered + counters.messages_refused,
              "what was received was delivered or refused");
  }
}

}  // namespace coerce::test::storm
