#include <coerce/remote/handlers.hpp>

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

namespace coerce {

ActorRefErr detail::expired() {
  return ErrorAccess::restore(ActorRefErrKind::Timeout, ActorRefErrOutcome::NotDelivered, {}, {},
                              {}, "the deadline had passed when its turn came", {});
}

ActorRefErr detail::fenced() {
  return ActorRefErr::Fenced("the actor lost what it owned while it handled the message");
}

bool detail::is_allowed(const RemotePermission& permission, const NodeDescription& node) noexcept {
  if (!permission) return true;
  try {
    return permission(node);
  } catch (...) {
    return false;
  }
}

namespace {

constexpr std::size_t kLongestName = 255;
constexpr std::size_t kMostHandlers = 65'535;

void check_name(std::string_view name) {
  if (name.empty() || name.size() > kLongestName)
    throw std::invalid_argument(
        fmt::format("RemoteHandlers: '{}' is no name: it has 1 to {} bytes", name, kLongestName));
}

}  // namespace

void RemoteHandlers::add(detail::RemoteHandler handler) {
  check_name(handler.name);
  if (handlers_.size() >= kMostHandlers)
    throw std::invalid_argument("RemoteHandlers: more than 65 535 handlers");
  if (by_name_.contains(handler.name))
    throw std::invalid_argument(
        fmt::format("RemoteHandlers: '{}' is registered already", handler.name));
  const Pair types{handler.actor_key, handler.message_key};
  if (const auto place = by_types_.find(types); place != by_types_.end())
    throw std::invalid_argument(fmt::format("RemoteHandlers: '{}': {} of {} is registered as '{}'",
                                            handler.name, handler.message_type, handler.actor_type,
                                            place->second->name));
  handler.index = handlers_.size();
  auto& kept = handlers_.emplace_back(std::make_unique<detail::RemoteHandler>(std::move(handler)));
  by_name_.emplace(kept->name, kept.get());
  by_types_.emplace(types, kept.get());
  latest_ = &kept->allowed;
}

RemoteHandlers& RemoteHandlers::allow(RemotePermission who) {
  if (latest_ == nullptr)
    throw std::logic_error("RemoteHandlers: allow() stands behind what it is about");
  *latest_ = std::move(who);
  return *this;
}

void RemoteHandlers::add(detail::RemoteFactory factory) {
  check_name(factory.name);
  std::string name = factory.name;
  const auto [place, is_new] = factories_.try_emplace(std::move(name), std::move(factory));
  if (!is_new)
    throw std::invalid_argument("RemoteHandlers: a factory of this name is registered already");
  latest_ = &place->second.allowed;
}

const detail::RemoteHandler* RemoteHandlers::find(std::string_view name) const noexcept {
  const auto place = by_name_.find(name);
  return place != by_name_.end() ? place->second : nullptr;
}

const detail::RemoteHandler* RemoteHandlers::find(const void* actor_key,
                                                  const void* message_key) const noexcept {
  const auto place = by_types_.find(Pair{actor_key, message_key});
  return place != by_types_.end() ? place->second : nullptr;
}

const detail::RemoteFactory* RemoteHandlers::find_factory(std::string_view name) const noexcept {
  const auto place = factories_.find(name);
  return place != factories_.end() ? &place->second : nullptr;
}

const detail::RemoteFactory* RemoteHandlers::find_factory_of(const void* actor_key) const noexcept {
  for (const auto& [name, factory] : factories_)
    if (factory.actor_key == actor_key) return &factory;
  return nullptr;
}

SystemCapabilities RemoteHandlers::capabilities() const {
  SystemCapabilities can;
  for (const auto& [name, factory] : factories_) can.actors.push_back(name);
  for (const auto& handler : handlers_) can.messages.push_back(handler->name);
  std::sort(can.actors.begin(), can.actors.end());
  std::sort(can.messages.begin(), can.messages.end());
  return can;
}

}  // namespace coerce
