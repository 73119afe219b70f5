#include "remote/announcer.hpp"

#include <coerce/runtime/sleep.hpp>

#include "coerce/remote/v1/actors.pb.h"
#include "remote/proto_bytes.hpp"

namespace coerce::detail {

namespace {

constexpr std::size_t kPiece = 32 * 1024;
constexpr std::size_t kMostWaiting = 65'536;  ///< beyond one change for each actor
constexpr Duration kAnswerLimit = std::chrono::seconds(5);
constexpr Duration kRetry = std::chrono::milliseconds(500);

}  // namespace

Announcer::Announcer(RemoteCore& core, Begun begun)
    : core_(core),
      begun_(std::move(begun)),
      members_(std::make_shared<const std::vector<NodeDescription>>(core.membership().members())) {}

// ---- this node's actors -------------------------------------------------------------------------

void Announcer::began(Cell& cell) noexcept {
  const Change change{cell.id(), {cell.context_id(), core_.world().now()}, true};
  std::vector<LineRef> to_start;
  bool is_home;
  {
    const std::lock_guard guard(mutex_);
    own_.insert_or_assign(change.id, change.life);
    push(change, to_start);
    is_home = !lines_.empty() && Homes(change.id.view(), *members_).contains(core_.self().id);
  }
  start(to_start);
  if (is_home) begun_(change.id);
}

void Announcer::ended(Cell& cell) noexcept {
  Change change{cell.id(), {cell.context_id(), {}}, false};
  std::vector<LineRef> to_start;
  {
    const std::lock_guard guard(mutex_);
    const auto known = own_.find(change.id);
    if (known == own_.end() || known->second.context != change.life.context) return;
    own_.erase(known);
    push(change, to_start);
  }
  start(to_start);
}

void Announcer::adopt(const std::vector<CellRef>& cells) {
  for (const CellRef& cell : cells) {
    {
      const std::lock_guard guard(mutex_);
      if (own_.contains(cell->id())) continue;
    }
    began(*cell);
    // It may have ended just before it was put down: then nobody else says so.
    if (cell->status.load(std::memory_order_acquire) >= ActorStatus::Stopped) ended(*cell);
  }
}

std::optional<ActorLife> Announcer::find(const ActorId& id) const {
  const std::lock_guard guard(mutex_);
  const auto known = own_.find(id);
  return known != own_.end() ? std::optional(known->second) : std::nullopt;
}

Announcer::Members Announcer::members() const {
  const std::lock_guard guard(mutex_);
  return members_;
}

// ---- to the homes -------------------------------------------------------------------------------

void Announcer::members_changed() {
  auto members = std::make_shared<const std::vector<NodeDescription>>(core_.membership().members());
  std::vector<LineRef> to_start;
  {
    const std::lock_guard guard(mutex_);
    members_ = std::move(members);
    std::map<NodeId, LineRef> before = std::exchange(lines_, {});
    for (const NodeDescription& node : *members_) {
      if (node.id == core_.self().id) continue;
      LineRef& line = before[node.id];
      if (!line || line->node.incarnation != node.incarnation) {
        if (line) line->gone = true;
        line = std::make_shared<Line>(node);
      }
      lines_[node.id] = line;
      line->anew = true;
      line->waiting.clear();
    }
    for (auto& [id, line] : before) line->gone = !lines_.contains(id) || lines_[id] != line;
    for (const auto& [id, life] : own_) push({id, life, true}, to_start);
    for (auto& [id, line] : lines_)
      if (!std::exchange(line->busy, true)) to_start.push_back(line);
  }
  start(to_start);
}

void Announcer::push(const Change& change, std::vector<LineRef>& to_start) {
  if (lines_.empty() || change.id.view().size() > kLongestAnnouncedId) return;
  const Homes homes(change.id.view(), *members_);
  for (const NodeId home : homes.nodes()) {
    const auto place = lines_.find(home);
    if (place == lines_.end()) continue;
    Line& line = *place->second;
    line.waiting.push_back(change);
    if (line.waiting.size() > own_.size() + kMostWaiting) refill(line);
    if (!std::exchange(line.busy, true)) to_start.push_back(place->second);
  }
}

void Announcer::refill(Line& line) {
  line.anew = true;
  line.waiting.clear();
  for (const auto& [id, life] : own_)
    if (id.view().size() <= kLongestAnnouncedId &&
        Homes(id.view(), *members_).contains(line.node.id))
      line.waiting.push_back({id, life, true});
}

std::optional<Bytes> Announcer::next_piece(Line& line) {
  if (line.gone || (line.waiting.empty() && !line.anew)) {
    line.busy = false;
    return std::nullopt;
  }
  const TimePoint now = core_.world().now();
  remote::v1::Announce piece;
  piece.set_anew(std::exchange(line.anew, false));
  for (std::size_t size = 0; size < kPiece && !line.waiting.empty(); line.waiting.pop_front()) {
    const Change& change = line.waiting.front();
    // In a message ends come first, so what ends here is the beginning of another message.
    if (!change.began && piece.began_size() > 0) break;
    auto& life = change.began ? *piece.add_began() : *piece.add_ended();
    life.set_id(change.id.str());
    life.set_context(change.life.context);
    if (change.began) life.set_age(to_microseconds(now - change.life.began));
    size += change.id.view().size() + 24;
  }
  return to_bytes(piece);
}

void Announcer::start(const std::vector<LineRef>& lines) {
  for (const LineRef& line : lines) {
    if (core_.world().spawn(send(*this, line))) continue;
    const std::lock_guard guard(mutex_);
    line->busy = false;  // the next change tries again
  }
}

Task<void> Announcer::send(Announcer& self, LineRef line) {
  for (;;) {
    std::optional<Bytes> piece;
    {
      const std::lock_guard guard(self.mutex_);
      piece = self.next_piece(*line);
    }
    if (!piece) co_return;
    auto asking =
        self.core_.ask(line->node.id, InternalKind::Announce, std::move(*piece), kAnswerLimit);
    auto taken = co_await asking;
    if (taken) continue;
    const bool slept = co_await sleep_for(kRetry);
    const std::lock_guard guard(self.mutex_);
    self.refill(*line);
    if (slept) continue;
    line->busy = false;
    co_return;
  }
}

}  // namespace coerce::detail
