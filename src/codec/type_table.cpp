#include <coerce/codec/type_table.hpp>

#include <fmt/format.h>

namespace coerce::detail {

void TypeNames::add_identifier(const std::string& identifier, Key type) {
  if (identifier.empty()) throw std::invalid_argument("coerce: an identifier is empty");
  if (!identifiers_.emplace(identifier, type).second)
    throw std::invalid_argument(fmt::format("coerce: '{}' is registered twice", identifier));
}

void TypeNames::add(const std::string& identifier, Key type, Key next) {
  if (const auto same = types_.find(type); same != types_.end())
    throw std::invalid_argument(
        fmt::format("coerce: the type of '{}' is registered already, as '{}'", identifier,
                    same->second.identifier));
  // No circle is there so far, so the way from `next` has an end.
  for (Key at = next; at != nullptr;) {
    if (at == type)
      throw std::invalid_argument(
          fmt::format("coerce: the upgrade of '{}' leads back to its own type", identifier));
    const auto step = types_.find(at);
    at = step == types_.end() ? nullptr : step->second.next;
  }
  add_identifier(identifier, type);
  types_.emplace(type, Type{identifier, next});
}

void TypeNames::add_alias(const std::string& identifier, Key type) {
  if (!types_.contains(type))
    throw std::invalid_argument(
        fmt::format("coerce: '{}' is an alias of a type that is not registered", identifier));
  add_identifier(identifier, type);
}

void TypeNames::check() const {
  for (const auto& [identifier, key] : identifiers_) {
    const Type& type = types_.at(key);
    if (type.next != nullptr && !types_.contains(type.next))
      throw std::invalid_argument(fmt::format(
          "coerce: the upgrade of '{}' leads to a type that is not registered", type.identifier));
  }
}

TypeNames::Key TypeNames::type_of(std::string_view identifier) const {
  const auto found = identifiers_.find(identifier);
  return found == identifiers_.end() ? nullptr : found->second;
}

std::string_view TypeNames::identifier_of(Key type) const {
  const auto found = types_.find(type);
  return found == types_.end() ? std::string_view() : std::string_view(found->second.identifier);
}

bool TypeNames::current(Key type) const {
  const auto found = types_.find(type);
  return found != types_.end() && found->second.next == nullptr;
}

ActorRefErr unknown_identifier(std::string_view identifier) {
  return ActorRefErr::NotSupported({}, identifier, {}, "no type is registered by this identifier");
}

ActorRefErr no_way_onwards(std::string_view type_name) {
  return malformed(fmt::format("an upgrade leads to {}, which is not registered", type_name));
}

ActorRefErr upgrade_failed(std::string_view type_name, std::string_view why) {
  return malformed(fmt::format("upgrading a {}: {}", type_name, why));
}

}  // namespace coerce::detail
