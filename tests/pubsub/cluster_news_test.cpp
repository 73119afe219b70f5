#include "pubsub/cluster_news.hpp"

#include <catch2/catch.hpp>

#include <fmt/format.h>

#include "pubsub/events.hpp"

namespace coerce::test::cluster_news_cases {
namespace {

using detail::ClusterNews;

/// Node 2 of a cluster.
struct Newsroom {
  explicit Newsroom(std::size_t least = 1)
      : news(
            least, [] { return node(2); },
            [this](const SystemEvent& event) { published.push_back(text_of_event(event)); }) {}

  static NodeDescription node(NodeId id, std::uint64_t life = 1) {
    NodeDescription described;
    described.id = id;
    described.incarnation = {life, life};
    return described;
  }
  std::vector<std::string> present() const {
    std::vector<std::string> events;
    news.begin([&](const std::vector<SystemEvent>& present) {
      for (const auto& event : present) events.push_back(text_of_event(event));
    });
    return events;
  }

  std::vector<std::string> published;
  ClusterNews news;
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("members, leaders and the first full cluster are events", "[system-topic][B-117]") {
  Newsroom room;
  room.news.added(room.node(1));
  CHECK(room.published == Texts{"added 1"});
  room.news.lead_by(1);
  CHECK(room.published == Texts{"added 1", "leader 1", "up 1: 1 2"});
  room.news.added(room.node(3));
  room.news.lead_by(1);
  room.news.removed(room.node(1));
  room.news.lead_by(std::nullopt);
  room.news.lead_by(2);
  CHECK(room.published ==
        Texts{"added 1", "leader 1", "up 1: 1 2", "added 3", "removed 1", "leader 2"});
}

TEST_CASE("a minimum of members is waited for, whoever leads", "[system-topic][B-216][W-52]") {
  Newsroom room(3);
  room.news.lead_by(2);
  room.news.added(room.node(1));
  room.news.removed(room.node(1));
  CHECK(room.published == Texts{"leader 2", "added 1", "removed 1"});
  room.news.added(room.node(1, 2));
  room.news.added(room.node(3));
  CHECK(room.published.back() == "up 2: 1 2 3");
  room.news.removed(room.node(3));
  room.news.added(room.node(3, 2));
  CHECK(room.published.back() == "added 3");  // it is up once
}

TEST_CASE("who asks late sees what those saw who were there", "[system-topic][B-117][W-92]") {
  Newsroom room(2);
  CHECK(room.present().empty());
  room.news.lead_by(2);
  CHECK(room.present() == Texts{"leader 2"});
  room.news.added(room.node(1));
  room.news.added(room.node(3));
  CHECK(room.present() == Texts{"added 1", "added 3", "leader 2", "up 2: 1 2 3"});
  room.news.removed(room.node(1));
  CHECK(room.present() == Texts{"added 3", "leader 2", "up 2: 2 3"});
}

TEST_CASE("the end of an earlier life of a node is not that of its present one", "[system-topic]") {
  Newsroom room;
  room.news.added(room.node(1, 2));
  room.news.removed(room.node(1, 1));
  CHECK(room.present() == Texts{"added 1"});
}

}  // namespace coerce::test::cluster_news_cases
