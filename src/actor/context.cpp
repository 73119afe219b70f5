#include <coerce/actor/context.hpp>

#include <coerce/actor/ref.hpp>

#include "actor/cell_extras.hpp"
#include "actor/planted.hpp"
#include "actor/system_core.hpp"

namespace coerce {

// Every context is the base of a cell.
detail::Cell& ActorContext::cell() const noexcept {
  return const_cast<detail::Cell&>(static_cast<const detail::Cell&>(*this));
}

ActorId ActorContext::id() const { return cell().id(); }
ActorPath ActorContext::path() const { return cell().container_path(); }
ActorPath ActorContext::full_path() const { return cell().full_path(); }
std::uint64_t ActorContext::ctx_id() const noexcept { return cell().context_id(); }
ActorStatus ActorContext::status() const noexcept {
  return cell().status.load(std::memory_order_relaxed);
}

ActorSystem ActorContext::system() const { return cell().system->borrow(); }

BoxedActorRef ActorContext::boxed_actor_ref() const {
  return BoxedActorRef(detail::CellRef::share(cell()));
}

void ActorContext::stop() { cell().request_stop(StopReasonKind::Stopped); }
void ActorContext::stop_after_drain() {
  if (detail::planted(detail::Bug::StopOvertakes)) return stop();
  cell().attention |= detail::Cell::kDrain;
}

StopToken ActorContext::stop_token() {
  auto& source = cell().more().stop_source;
  if (!source) source.emplace();
  constexpr unsigned stopping = detail::Cell::kStop | detail::Cell::kStopping;
  if ((cell().attention & stopping) != 0) source->request_stop();
  return source->token();
}

void detail::Cell::fire_stop_token() noexcept {
  if (extras != nullptr && extras->stop_source) extras->stop_source->request_stop();
}

std::optional<Epoch> ActorContext::epoch() const noexcept {
  const detail::CellExtras* extras = cell().extras;
  if (extras == nullptr) return std::nullopt;
  return extras->given_epoch ? extras->given_epoch : extras->noted_epoch;
}

namespace detail {
std::optional<Epoch> given_epoch(const ActorContext& context) noexcept {
  const auto& cell = static_cast<const Cell&>(context);
  return cell.extras != nullptr ? cell.extras->given_epoch : std::nullopt;
}
void give_epoch(Cell& cell, Epoch epoch) { cell.more().given_epoch = epoch; }
void note_epoch(ActorContext& context, Epoch epoch) { cell_of(context).more().noted_epoch = epoch; }
}  // namespace detail

std::vector<std::string> ActorContext::tags() const {
  return cell().extras != nullptr ? cell().extras->tags : std::vector<std::string>();
}
void ActorContext::set_tags(std::vector<std::string> tags) { cell().more().tags = std::move(tags); }

std::size_t ActorContext::supervised_count() const noexcept { return cell().child_count(); }
detail::Cell* ActorContext::find_child(const ActorId& id) const noexcept {
  return cell().find_child_cell(id.view());
}

}  // namespace coerce
