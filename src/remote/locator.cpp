#include "remote/locator.hpp"

#include <algorithm>

#include <fmt/ranges.h>

#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>

#include "coerce/remote/v1/actors.pb.h"
#include "remote/proto_bytes.hpp"

namespace coerce::detail {

namespace {

constexpr Duration kLongestAge = std::chrono::hours(24 * 365 * 10);
/// Homes that are silent for so long are not waited for: everybody is asked then.
constexpr Duration kHomesLimit = std::chrono::seconds(1);
/// Of an id that several nodes seem to have, so many are asked at first.
constexpr std::size_t kMostCandidates = 8;

/// The answers to one round of questions.
struct Round {
  std::mutex mutex;
  std::vector<WhereAnswer> answers;
  std::size_t open = 0;
  AsyncEvent done;
};

ActorLife read(const remote::v1::ActorLife& life, TimePoint now) {
  return {life.context(), now - from_microseconds(life.age(), kLongestAge)};
}

WhereAnswer read(const Result<Bytes>& bytes, const NodeDescription& node, TimePoint now) {
  WhereAnswer to{node.id, node.incarnation, {}, {}, {}};
  if (!bytes) {
    to.error = bytes.error();
    return to;
  }
  const auto answer = from_bytes<remote::v1::LocateAnswer>(*bytes);
  if (!answer) {
    to.error = answer.error();
    return to;
  }
  if (answer->has_here()) to.here = read(answer->here(), now);
  for (const auto& other : answer->others())
    to.others.push_back({other.node(),
                         {other.incarnation().started(), other.incarnation().random()},
                         read(other.life(), now)});
  return to;
}

Task<void> ask_one(RemoteCore& core, std::shared_ptr<Peer> peer, Bytes question, Duration limit,
                   std::shared_ptr<Round> round, bool one_is_enough, bool hint_is_enough) {
  auto asking = core.ask_again(peer, InternalKind::Locate, std::move(question), limit);
  auto bytes = co_await asking;
  WhereAnswer answer = read(bytes, peer->node(), core.world().now());
  const bool is_enough =
      (one_is_enough && answer.here) || (hint_is_enough && !answer.others.empty());
  bool is_last;
  {
    const std::lock_guard guard(round->mutex);
    round->answers.push_back(std::move(answer));
    is_last = --round->open == 0;
  }
  if (is_last || is_enough) round->done.set();
}

WhereAnswer unanswered(NodeId node, ActorRefErr error) {
  return {node, {}, std::move(error), {}, {}};
}

}  // namespace

struct Locator::Search {
  ActorId id;
  TimePoint until;
  Duration timeout;
  std::map<NodeId, WhereAnswer> answers;  ///< the latest of each node
};

Task<bool> Locator::ask(std::shared_ptr<Search> search, Nodes nodes, Duration limit, Until until) {
  const auto round = std::make_shared<Round>();
  round->open = 1;  // this function itself
  remote::v1::Locate message;
  message.set_id(search->id.str());
  const Bytes question = to_bytes(message);
  for (const NodeId node : nodes) {
    const auto peer = core_.peer(node);
    std::optional<ActorRefErr> refused;
    if (!peer) {
      refused = ActorRefErr::Unreachable("the node is not known");
    } else {
      {
        const std::lock_guard guard(round->mutex);
        ++round->open;
      }
      auto asking = ask_one(core_, peer, question, limit, round, until != Until::AllAnswered,
                            until == Until::OneKnows);
      if (core_.world().spawn(std::move(asking))) continue;
      refused = ActorRefErr::Overloaded("the system runs as many tasks as it may");
    }
    const std::lock_guard guard(round->mutex);
    if (peer) --round->open;
    round->answers.push_back(unanswered(node, std::move(*refused)));
  }
  bool all_answered;
  {
    const std::lock_guard guard(round->mutex);
    all_answered = --round->open == 0;
  }
  bool in_time = true;
  if (!all_answered) {
    auto first = co_await when_any(round->done.wait(), sleep_for(limit));
    in_time = first.index() == 0 ? std::get<0>(first) : std::get<1>(first);
  }
  const std::lock_guard guard(round->mutex);
  for (const NodeId node : nodes)
    search->answers.insert_or_assign(node, unanswered(node, ActorRefErr::Timeout(limit)));
  for (WhereAnswer& answer : round->answers) {
    const NodeId node = answer.node;
    search->answers.insert_or_assign(node, std::move(answer));
  }
  round->answers.clear();
  co_return in_time;
}

Locator::Nodes Locator::not_asked(const Search& search) const {
  Nodes nodes;
  for (const NodeDescription& node : core_.membership().members()) {
    if (node.id == core_.self().id) continue;
    const auto answer = search.answers.find(node.id);
    const bool is_asked = answer != search.answers.end() && !answer->second.error &&
                          answer->second.incarnation == node.incarnation;
    if (!is_asked) nodes.push_back(node.id);
  }
  return nodes;
}

// Who is said to have it, the oldest first, and each node once.
std::vector<ActorPlace> Locator::known(const Search& search) {
  std::vector<ActorPlace> places;
  for (const auto& [node, answer] : search.answers) {
    if (answer.here) places.push_back({node, answer.incarnation, *answer.here});
    for (const ActorPlace& other : answer.others) places.push_back(other);
  }
  std::ranges::sort(
      places, {}, [](const ActorPlace& place) { return std::pair(place.life.began, place.node); });
  std::set<NodeId> seen;
  std::erase_if(places,
                [&seen](const ActorPlace& place) { return !seen.insert(place.node).second; });
  return places;
}

Task<Result<Location>> Locator::locate(ActorId id, Duration timeout) {
  if (registry_.here(id)) {
    Location here{core_.self().id, core_.self().incarnation};
    co_return here;
  }
  auto search = std::make_shared<Search>();
  search->id = std::move(id);
  search->timeout = timeout;
  search->until = later(core_.world().now(), timeout);
  auto looking = look_everywhere(std::move(search));
  auto found = co_await looking;
  co_return found;
}

Task<Result<Location>> Locator::look_everywhere(std::shared_ptr<Search> search) {
  const auto left = [this, &search] { return search->until - core_.world().now(); };
  const auto found = [&search](std::span<const ActorPlace> places) -> std::optional<Location> {
    for (const ActorPlace& place : places) {
      const auto answer = search->answers.find(place.node);
      if (answer != search->answers.end() && answer->second.here)
        return Location{place.node, answer->second.incarnation};
    }
    return std::nullopt;
  };

  // The homes: one that knows of it is enough.
  Nodes homes;
  const Homes all_homes(search->id.view(), *registry_.members());
  for (const NodeId home : all_homes.nodes())
    if (home != core_.self().id) homes.push_back(home);
  WhereAnswer our_word;
  our_word.node = core_.self().id;
  our_word.others = registry_.announced(search->id);
  search->answers.emplace(our_word.node, our_word);
  if (our_word.others.empty() && !homes.empty()) {
    const Duration limit = std::min({left(), kHomesLimit, search->timeout / 4});
    auto asking = ask(search, std::move(homes), limit, Until::OneKnows);
    const bool asked = co_await asking;
    if (!asked) co_return coerce::unexpected(ActorRefErr::Cancelled());
  }

  // Those that they name. Of several the oldest is preferred that says so itself.
  std::vector<ActorPlace> candidates = known(*search);
  Nodes named;
  for (const ActorPlace& place : candidates) {
    const auto answer = search->answers.find(place.node);
    const bool is_asked = answer != search->answers.end() && !answer->second.error;
    if (!is_asked && place.node != core_.self().id && named.size() < kMostCandidates)
      named.push_back(place.node);
  }
  if (!named.empty()) {
    const Duration limit = std::min({left(), kHomesLimit, search->timeout / 4});
    const Until until = candidates.size() == 1 ? Until::OneHasIt : Until::AllAnswered;
    auto asking = ask(search, std::move(named), limit, until);
    const bool asked = co_await asking;
    if (!asked) co_return coerce::unexpected(ActorRefErr::Cancelled());
  }
  if (auto place = found(known(*search))) co_return *place;

  // Everybody, until nobody is left who has not answered; those that are lost meanwhile have none.
  for (int round = 0;; ++round) {
    Nodes rest = not_asked(*search);
    if (rest.empty()) co_return coerce::unexpected(ActorRefErr::NotFound(search->id));
    const auto has_failed = [&search](NodeId node) {
      const auto answer = search->answers.find(node);
      return answer != search->answers.end() && answer->second.error;
    };
    // Whoever could not be asked once more is unreachable, if it is still a member. One that has
    // answered in another incarnation is asked again.
    const bool is_over = left() <= Duration::zero();
    if (is_over || (round > 0 && std::ranges::all_of(rest, has_failed)))
      co_return coerce::unexpected(
          round > 0 && std::ranges::any_of(rest, has_failed)
              ? ActorRefErr::Unreachable(fmt::format("did not say whether they have it: nodes {}",
                                                     fmt::join(rest, ", ")))
              : ActorRefErr::Timeout(search->timeout));
    auto asking = ask(search, std::move(rest), left(), Until::OneHasIt);
    const bool asked = co_await asking;
    if (!asked) co_return coerce::unexpected(ActorRefErr::Cancelled());
    if (auto place = found(known(*search))) co_return *place;
  }
}

Task<Result<CellRef>> Locator::find(ActorId id, RefType wanted, Duration timeout) {
  auto locating = locate(id, timeout);
  auto location = co_await locating;
  if (!location) co_return coerce::unexpected(std::move(location).error());
  if (location->node == core_.self().id) {
    CellRef cell = core_.find_actor(id);
    if (cell.get() == nullptr) co_return coerce::unexpected(ActorRefErr::NotFound(id));
    if (cell->type != wanted.cell_type)
      co_return coerce::unexpected(ActorRefErr::NotSupported(
          id, {}, wanted.name, fmt::format("the actor is a {}", cell->type->name)));
    co_return cell;
  }
  const auto peer = core_.peer(location->node);
  if (!peer || peer->node().incarnation != location->incarnation)
    co_return coerce::unexpected(ActorRefErr::Unreachable("the actor's node has just ended"));
  co_return ForeignCell::make(core_.world().core(), std::move(id), wanted.actor_key, wanted.name,
                              peer);
}

}  // namespace coerce::detail
