/// \file
/// Nodes of a simulation that talk to each other all the time, and remember what they have said
/// and heard.

#pragma once

#include <map>
#include <set>
#include <tuple>

#include <coerce/codec/members.hpp>
#include <coerce/runtime/sleep.hpp>

#include "node_support.hpp"
#include "remote/core.hpp"

namespace coerce::test::storm {

/// A message that is unlike all others: who said it to whom in which of his lives, and the how many
/// that is.
struct Words {
  std::int64_t speaker = 0;
  std::int64_t life = 0;
  std::int64_t number = 0;
  std::string load{};

  using Name = std::tuple<std::int64_t, std::int64_t, std::int64_t>;
  Name name() const { return {speaker, life, number}; }
};
struct Said : Words {};
struct Asked : Words {
  using Result = std::int64_t;
};

template <class M>
using WordsCodec = MemberCodec<M, &M::speaker, &M::life, &M::number, &M::load>;

}  // namespace coerce::test::storm

template <>
struct coerce::Codec<coerce::test::storm::Said>
    : coerce::test::storm::WordsCodec<coerce::test::storm::Said> {};
template <>
struct coerce::Codec<coerce::test::storm::Asked>
    : coerce::test::storm::WordsCodec<coerce::test::storm::Asked> {};

namespace coerce::test::storm {

/// What an actor of one life of a node has heard, in order.
struct Heard {
  std::vector<Words::Name> all;
};

class Ear : public Actor {
 public:
  explicit Ear(std::shared_ptr<Heard> heard) : heard_(std::move(heard)) {}
  void handle(Said words, ActorContext&) { heard_->all.push_back(words.name()); }
  Task<std::int64_t> handle(Asked words, ActorContext&) {
    heard_->all.push_back(words.name());
    const std::int64_t number = words.number;
    if (number % 16 == 0) {
      const bool slept = co_await sleep_for(std::chrono::milliseconds(number % 500));
      (void)slept;
    }
    co_return number;
  }

 private:
  std::shared_ptr<Heard> heard_;
};

/// The ear of another node.
ActorRef<Ear> ear_of(const ActorSystem& system, std::shared_ptr<detail::Peer> peer);

/// What has become of what one life of a node has said to one node.
struct Talk {
  std::int64_t next = 1;
  std::set<std::int64_t> refused;   ///< certainly not delivered
  std::set<std::int64_t> answered;  ///< so it was handled
  std::int64_t open = 0;            ///< requests that have not ended
  std::int64_t asked = 0;
};

/// One life of a node.
struct Life {
  std::int64_t number = 0;
  bool is_over = false;    ///< crashed: what it waits for never comes
  bool is_silent = false;  ///< says nothing new
  std::map<NodeId, Talk> talks;
  std::shared_ptr<Heard> heard = std::make_shared<Heard>();
  std::optional<RemoteActorSystem> remote;
  std::shared_ptr<Starting> starting;
};

inline RemoteLimits small_limits() {
  RemoteLimits limits;
  limits.high_water = std::size_t{64} << 10;
  return limits;
}

/// Three nodes with an ear each. All of them know all addresses.
class Storm {
 public:
  explicit Storm(testkit::Simulation& simulation) : sim(simulation) {
    lives_.resize(sim.nodes() + 1);
    for (NodeId id = 1; id <= sim.nodes(); ++id) begin_life(id);
    expect_whole(20s);
    for (NodeId id = 1; id <= sim.nodes(); ++id) begin_to_talk(id);
  }

  Life& life(NodeId id) { return *lives_.at(static_cast<std::size_t>(id)).back(); }

  void crash(NodeId id, testkit::CrashKind kind = testkit::CrashKind::Process) {
    life(id).is_over = life(id).is_silent = true;
    sim.crash(id, kind);
  }
  void restart(NodeId id) {
    sim.restart(id);
    begin_life(id);
    begin_to_talk(id);
  }
  /// Lets time pass, and sees that nothing grows meanwhile.
  void pass(Duration time) {
    for (const Duration end = sim.now() + time; sim.now() < end;) {
      sim.run_for(std::min<Duration>(end - sim.now(), 1s));
      check_memory();
    }
  }
  void silence() {
    for (auto& lives : lives_)
      for (const auto& life : lives) life->is_silent = true;
  }
  bool is_whole() const {
    for (std::size_t id = 1; id < lives_.size(); ++id)
      if (!lives_[id].back()->starting->done || table_of(*lives_[id].back()->remote) != kMesh)
        return false;
    return true;
  }
  void expect_whole(Duration within) {
    if (sim.run_until([&] { return is_whole(); }, within)) return;
    std::string text = "no mesh:";
    for (std::size_t id = 1; id < lives_.size(); ++id)
      text += " [" + table_of(*lives_[id].back()->remote) + "]";
    sim.fail(text);
  }

  /// All is well again, and nobody says anything new: each promise is looked at.
  void judge() {
    silence();
    expect_whole(90s);
    pass(10s);
    check_requests();
    check_order();
    check_words();
    check_drain();
  }

  testkit::Simulation& sim;

 private:
  void begin_life(NodeId id);
  void begin_to_talk(NodeId id);
  static Task<void> talk(std::shared_ptr<Life> life, NodeId self, std::size_t nodes,
                         ActorSystem system);
  static void say(const std::shared_ptr<Life>& life, NodeId self, NodeId to,
                  const ActorSystem& system);
  static Task<void> wait_for_answer(std::shared_ptr<Life> life, NodeId to, ActorRef<Ear> ear,
                                    Asked words, std::optional<Duration> limit);

  void check_memory();
  void check_requests();
  void check_order();
  void check_words();
  void check_drain();
  template <class F>
  void for_each_life(F&& look) {
    for (std::size_t id = 1; id < lives_.size(); ++id)
      for (const auto& life : lives_[id]) look(static_cast<NodeId>(id), *life);
  }

  std::vector<std::vector<std::shared_ptr<Life>>> lives_;
};

}  // namespace coerce::test::storm
