#include "remote/registry.hpp"

#include <algorithm>

#include "coerce/remote/v1/actors.pb.h"
#include "remote/proto_bytes.hpp"

namespace coerce::detail {

namespace {

constexpr Duration kLongestAge = std::chrono::hours(24 * 365 * 10);
constexpr std::size_t kMostPublished = 1024;

ActorLife read(const remote::v1::ActorLife& life, TimePoint now) {
  return {life.context(), now - from_microseconds(life.age(), kLongestAge)};
}

void write(const ActorLife& life, TimePoint now, remote::v1::ActorLife& to) {
  to.set_context(life.context);
  to.set_age(to_microseconds(now - life.began));
}

}  // namespace

ActorRegistry::ActorRegistry(RemoteCore& core, TrackedActors& tracked)
    : core_(core),
      table_(core.settings().limits.max_located_actors),
      announcer_(core, [this](const ActorId& id) { look_for_duplicates(id); }) {
  tracked.listen(announcer_);
  core.serve(InternalKind::Announce, [this](const NodeDescription& from, Bytes message) {
    return take(from, std::move(message));
  });
  core.serve(InternalKind::Locate, [this](const NodeDescription&, Bytes question) {
    return answer(std::move(question));
  });
  core.serve(InternalKind::Duplicates, [this](const NodeDescription&, Bytes message) {
    return take_duplicates(std::move(message));
  });
  core.on_node([this](NodeChange change, const NodeDescription& node) { changed(change, node); });
}

void ActorRegistry::adopt() { announcer_.adopt(core_.world().core().tracked_of_users()); }

std::optional<ActorLife> ActorRegistry::here(const ActorId& id) const {
  const CellRef cell = core_.world().core().find_user(id.view());
  if (cell.get() == nullptr) return std::nullopt;
  const auto known = announcer_.find(id);
  if (known && known->context == cell->context_id()) return known;
  return ActorLife{cell->context_id(), core_.world().now()};  // it is just being announced
}

std::vector<ActorPlace> ActorRegistry::announced(const ActorId& id) const {
  std::vector<ActorPlace> places = table_.find(id);
  std::erase_if(places, [this](const ActorPlace& place) {
    return !core_.membership().is_member(place.node, place.incarnation);
  });
  return places;
}

void ActorRegistry::changed(NodeChange change, const NodeDescription& node) {
  if (change != NodeChange::Up) table_.clear(node.id, node.incarnation);
  announcer_.members_changed();
}

// ---- what others ask and tell -------------------------------------------------------------------

Task<Result<Bytes>> ActorRegistry::take(NodeDescription from, Bytes bytes) {
  const auto message = from_bytes<remote::v1::Announce>(bytes);
  if (!message) co_return coerce::unexpected(message.error());
  const auto is_present = [&] {
    const auto peer = core_.peer(from.id);
    return peer && peer->node().incarnation == from.incarnation;
  };
  if (!is_present())
    co_return coerce::unexpected(ActorRefErr::Unauthorised("you are no member any more"));
  if (message->anew()) table_.begin(from.id, from.incarnation);
  for (const auto& life : message->ended())
    table_.remove(from.id, from.incarnation, ActorId(life.id()), life.context());
  const TimePoint now = core_.world().now();
  for (const auto& life : message->began()) {
    const ActorId id(life.id());
    if (id.empty() || id.view().size() > kLongestAnnouncedId) continue;
    if (table_.add(from.id, from.incarnation, id, read(life, now))) look_for_duplicates(id);
  }
  // The loss of the node may have been told while this was being written.
  if (!is_present()) table_.clear(from.id, from.incarnation);
  co_return Bytes();
}

Task<Result<Bytes>> ActorRegistry::answer(Bytes bytes) const {
  const auto question = from_bytes<remote::v1::Locate>(bytes);
  if (!question) co_return coerce::unexpected(question.error());
  const ActorId id(question->id());
  const TimePoint now = core_.world().now();
  remote::v1::LocateAnswer answer;
  if (const auto life = here(id)) write(*life, now, *answer.mutable_here());
  for (const ActorPlace& place : announced(id)) {
    auto& other = *answer.add_others();
    other.set_node(place.node);
    other.mutable_incarnation()->set_started(place.incarnation.started);
    other.mutable_incarnation()->set_random(place.incarnation.random);
    write(place.life, now, *other.mutable_life());
  }
  co_return to_bytes(answer);
}

// ---- duplicates ---------------------------------------------------------------------------------

void ActorRegistry::look_for_duplicates(const ActorId& id) {
  std::vector<ActorPlace> places = announced(id);
  if (const auto life = here(id))
    places.push_back({core_.self().id, core_.self().incarnation, *life});
  if (places.size() < 2) return;
  std::ranges::sort(
      places, {}, [](const ActorPlace& place) { return std::pair(place.life.began, place.node); });
  remote::v1::Duplicates message;
  for (std::size_t i = 1; i < places.size(); ++i) {
    auto& duplicate = *message.add_duplicates();
    duplicate.set_id(id.str());
    duplicate.set_older(places[0].node);
    duplicate.set_younger(places[i].node);
  }
  const Bytes bytes = to_bytes(message);
  for (const ActorPlace& place : places) {
    // Who cannot be told just now hears of it when everything is announced anew.
    const auto told = core_.tell(place.node, InternalKind::Duplicates, bytes);
    if (!told)
      core_.world().log_limited(LogSource::node(place.node), LogLevel::Warn,
                                "actor {} is on node {} too, which was not told",
                                printable(id.view()), place.node);
  }
}

Task<Result<Bytes>> ActorRegistry::take_duplicates(Bytes bytes) {
  const auto message = from_bytes<remote::v1::Duplicates>(bytes);
  if (!message) co_return coerce::unexpected(message.error());
  for (const auto& duplicate : message->duplicates()) {
    const NodeId self = core_.self().id;
    const ActorId id(duplicate.id());
    const bool is_ours = duplicate.older() == self || duplicate.younger() == self;
    if (is_ours && duplicate.older() != duplicate.younger() && here(id))
      publish(id, duplicate.older(), duplicate.younger());
  }
  co_return Bytes();
}

void ActorRegistry::publish(const ActorId& id, NodeId older, NodeId younger) {
  {
    const std::lock_guard guard(mutex_);
    // Of two that began nearly at once, each home may take another for the older one.
    Duplicate duplicate(id, older, younger);
    const Duplicate other_way(id, younger, older);
    if (std::ranges::find(published_, duplicate) != published_.end()) return;
    if (std::ranges::find(published_, other_way) != published_.end()) return;
    published_.push_back(std::move(duplicate));
    if (published_.size() > kMostPublished) published_.pop_front();
  }
  core_.world().log_limited(LogSource::node(older), LogLevel::Warn,
                            "nodes {} and {} both have an actor with the id {}", older, younger,
                            printable(id.view()));
  EventHub& events = core_.world().core().events();
  if (events.wants<DuplicateActorId>()) events.publish(DuplicateActorId{id, older, younger});
}

}  // namespace coerce::detail
