#include "remote/node_message.hpp"

#include "coerce/remote/v1/control.pb.h"
#include "remote/address.hpp"
#include "remote/frame.hpp"

namespace coerce::detail {

void write(const Incarnation& from, remote::v1::Incarnation& to) {
  to.set_started(from.started);
  to.set_random(from.random);
}

Incarnation read(const remote::v1::Incarnation& from) { return {from.started(), from.random()}; }

void write(const NodeDescription& from, remote::v1::NodeDescription& to) {
  to.set_id(from.id);
  write(from.incarnation, *to.mutable_incarnation());
  to.set_address(from.address);
  to.set_tag(from.tag);
  to.set_version(from.version);
  for (const auto& [name, value] : from.attributes) (*to.mutable_attributes())[name] = value;
  for (const auto& role : from.roles) to.add_roles(role);
}

NodeDescription read(const remote::v1::NodeDescription& from) {
  NodeDescription to;
  to.id = from.id();
  to.incarnation = read(from.incarnation());
  to.address = from.address();
  to.tag = from.tag();
  to.version = from.version();
  for (const auto& [name, value] : from.attributes()) to.attributes.emplace(name, value);
  to.roles.insert(from.roles().begin(), from.roles().end());
  return to;
}

bool is_sound(const remote::v1::NodeDescription& node) {
  return node.id() != 0 && node.id() <= kMaxNodeId && node.ByteSizeLong() <= kMaxHelloFrame &&
         (node.address().empty() || parse_address(node.address()));
}

}  // namespace coerce::detail
