#include "remote/names.hpp"

namespace coerce::detail {

namespace {
constexpr std::size_t kLongestId = 64 * 1024;  // of an ActorId: a longer one would be cut
}  // namespace

void OutNames::reset(std::size_t handlers) {
  actors_.clear();
  names_.clear();
  handlers_.assign(handlers, false);
}

std::optional<OutNames::Given> OutNames::actor(std::string_view id) {
  const auto found = actors_.find(id);
  if (found != actors_.end()) return Given{found->second, false};
  if (names_.size() >= limit_ || id.size() > kMaxInternedName) return std::nullopt;
  const auto number = static_cast<std::uint32_t>(names_.size());
  actors_.emplace(names_.emplace_back(id), number);
  return Given{number, true};
}

bool InNames::add_actor(std::uint32_t id, BytesView name) {
  if (id != targets_.size() || id >= kMaxNames || name.size() > kMaxInternedName) return false;
  targets_.push_back({ActorId(text_of(name)), CellRef()});
  return true;
}

bool InNames::add_type(std::uint16_t id, BytesView name, const RemoteHandlers& handlers,
                       const NodeDescription& from) {
  if (name.empty() || name.size() > kMaxInternedName || type(id) != nullptr) return false;
  if (id >= types_.size()) types_.resize(std::size_t{id} + 1);
  types_[id].name = text_of(name);
  const RemoteHandler* const handler = handlers.find(types_[id].name);
  types_[id].allowed = handler == nullptr || is_allowed(handler->allowed, from);
  types_[id].handler = types_[id].allowed ? handler : nullptr;
  types_[id].known = true;
  return true;
}

std::size_t inline_size(const InlineNames& names) noexcept {
  return 4 + names.actor.size() + 1 + names.handler.size();
}

void write_inline_names(const InlineNames& names, std::uint8_t* out) noexcept {
  const auto length = static_cast<std::uint32_t>(names.actor.size());
  std::memcpy(out, &length, 4);
  out += 4;
  std::memcpy(out, names.actor.data(), names.actor.size());
  out += names.actor.size();
  *out++ = static_cast<std::uint8_t>(names.handler.size());  // a handler's name has 255 at the most
  std::memcpy(out, names.handler.data(), names.handler.size());
}

std::optional<InlineNames> read_inline_names(BytesView& payload) noexcept {
  InlineNames names;
  std::uint32_t length;
  if (payload.size() < 4) return std::nullopt;
  std::memcpy(&length, payload.data(), 4);
  payload = payload.subspan(4);
  if (payload.size() < length || length > kLongestId) return std::nullopt;
  names.actor = text_of(payload.first(length));
  payload = payload.subspan(length);
  if (payload.empty() || payload.size() - 1 < payload[0]) return std::nullopt;
  names.handler = text_of(payload.subspan(1, payload[0]));
  payload = payload.subspan(1 + names.handler.size());
  return names;
}

}  // namespace coerce::detail
