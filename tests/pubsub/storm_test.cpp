#include <coerce/pubsub/pubsub.hpp>

#include "pubsub/topics.hpp"

#include <coerce/testkit/catch2.hpp>

#include <coerce/testkit/simulation_batch.hpp>

namespace coerce::test::storm_cases {
namespace {

using testkit::Simulation;

/// What one life of a listener was told, in order: numbers of News; 0: some may be missing.
using Diary = std::shared_ptr<std::vector<std::int64_t>>;

constexpr std::int64_t kLife = 1'000'000;    ///< numbers of one life of a publisher
constexpr std::int64_t kNode = 100 * kLife;  ///< and of a node

class Diarist : public Actor {
 public:
  explicit Diarist(Diary diary) : diary_(std::move(diary)) {}
  Task<void> started(ActorContext& ctx) {
    const Channel channel;
    auto subscribing = PubSub::subscribe<Diarist>(channel, ctx);
    auto subscribed = co_await subscribing;
    if (subscribed) subscription_ = std::move(*subscribed);
  }
  void handle(Receive<Channel> news, ActorContext&) { diary_->push_back(news.message().number); }
  void handle(TopicLagged<Channel>, ActorContext&) { diary_->push_back(0); }

 private:
  Diary diary_;
  Subscription subscription_;
};

/// Says something all the time.
Task<void> talk(RemoteActorSystem node, std::int64_t first, std::shared_ptr<bool> stops) {
  const Channel channel;
  for (std::int64_t number = first; !*stops; ++number) {
    News news(number, std::string(static_cast<std::size_t>(number % 50) * 100, 'x'));
    auto publishing = PubSub::publish(channel, std::move(news), node);
    const auto published = co_await publishing;
    (void)published;  // what did not go has to be told where it is missing
    const bool slept = co_await sleep_for(std::chrono::milliseconds(3 + number % 40));
    if (!slept) co_return;
  }
}

struct Cluster {
  explicit Cluster(Simulation& simulation) : sim(simulation), remotes(sim.nodes()) {
    for (NodeId id = 1; id <= sim.nodes(); ++id) begin(id);
  }

  void begin(NodeId id) {
    auto& node = sim.node(id);
    auto& remote = remotes[id - 1].emplace(build_node(node));
    std::vector<std::string> seeds;
    for (NodeId other = 1; other <= sim.nodes(); ++other)
      seeds.push_back(address_of(sim.node(other)));
    (void)begin_start(
        node,
        worker_of(node, remote, id == 1 && node.life() == 1 ? std::vector<std::string>() : seeds));
    const auto diary = std::make_shared<std::vector<std::int64_t>>();
    diaries.push_back(diary);
    current[id] = diary;
    auto starting = [](ActorSystem system, Diary its_diary) -> Task<void> {
      auto beginning = system.new_actor<Diarist>("diarist", its_diary);
      const auto begun = co_await beginning;
      (void)begun;
    };
    node.system().spawn(starting(node.system(), diary));
    const auto life = static_cast<std::int64_t>(node.life());
    node.system().spawn(
        talk(remote, static_cast<std::int64_t>(id) * kNode + life * kLife + 1, stops));
  }

  void disturb() {
    const NodeId a = 1 + sim.draw(3);
    const NodeId b = a % 3 + 1;
    switch (sim.draw(8)) {
      case 0:
      case 1:
        if (sim.node(a).is_alive() && sim.node(b).is_alive()) sim.cut(a, b);
        break;
      case 2:
        sim.partition({a}, {b});
        break;
      case 3:
        sim.partition({a}, {b, 6 - a - b});
        break;
      case 4:
        sim.stall(a, b);
        break;
      case 5:
        if (sim.node(a).is_alive() && !sim.is_paused(a)) {
          sim.pause(a);
          sim.run_for(std::chrono::milliseconds(sim.draw(9'000)));
          sim.resume(a);
        }
        break;
      default:
        if (sim.node(a).is_alive()) {
          sim.crash(a);
        } else {
          sim.restart(a);
          begin(a);
        }
        break;
    }
  }

  void check_diary(const std::vector<std::int64_t>& diary) const {
    std::map<std::int64_t, std::int64_t> last;  ///< of each life of a publisher
    std::set<std::int64_t> unsure;              ///< something of theirs may be missing
    for (const std::int64_t number : diary) {
      if (number == 0) {
        for (const auto& [speaker, latest] : last) unsure.insert(speaker);
        continue;
      }
      const std::int64_t speaker = number / kLife;
      const auto before = last.find(speaker);
      if (before != last.end()) {
        sim.check(number > before->second, "order is kept, and nothing comes twice");
        sim.check(number == before->second + 1 || unsure.contains(speaker), "losses are told");
      }
      unsure.erase(speaker);
      last[speaker] = number;
    }
  }

  Simulation& sim;
  std::vector<std::optional<RemoteActorSystem>> remotes;
  std::shared_ptr<bool> stops = std::make_shared<bool>(false);
  std::vector<Diary> diaries;
  std::map<NodeId, Diary> current;
};

void storm(Simulation& sim) {
  Cluster cluster(sim);
  sim.run_for(3s);
  for (int round = 0; round < 8; ++round) {
    cluster.disturb();
    sim.run_for(std::chrono::milliseconds(sim.draw(8'000)));
    if (sim.draw(3) == 0) sim.heal();
  }
  sim.heal();
  for (NodeId id = 1; id <= 3; ++id)
    if (!sim.node(id).is_alive()) {
      sim.restart(id);
      cluster.begin(id);
    }
  const auto is_whole = [&] {
    for (NodeId id = 1; id <= 3; ++id)
      if (table_of(*cluster.remotes[id - 1]) != kMesh) return false;
    return true;
  };
  sim.check(sim.run_until(is_whole, 300s), "all are there in the end");
  sim.run_for(10s);
  const auto marks = [&] {
    std::map<NodeId, std::size_t> sizes;
    for (const auto& [id, diary] : cluster.current) sizes[id] = diary->size();
    return sizes;
  }();
  sim.run_for(2s);
  for (NodeId id = 1; id <= 3; ++id) {
    std::set<std::int64_t> speakers;
    const auto& diary = *cluster.current[id];
    for (std::size_t i = marks.at(id); i < diary.size(); ++i) speakers.insert(diary[i] / kNode);
    sim.check(speakers == std::set<std::int64_t>{1, 2, 3}, "everybody hears everybody in the end");
  }
  *cluster.stops = true;
  for (const auto& diary : cluster.diaries) cluster.check_diary(*diary);
}

}  // namespace

TEST_CASE("whatever befalls the nodes, order holds and losses are told", "[pubsub][storm]") {
  const auto report = testkit::explore(
      storm,
      {.seeds = 20, .at_least_percent = {.cut = 30, .partition = 30, .stall = 20, .crash = 30}});
  INFO(to_string(report));
  CHECK(report.passed);
}

}  // namespace coerce::test::storm_cases
