#include "remote/describe_message.hpp"

#include <algorithm>
#include <deque>

#include <fmt/format.h>

#include <coerce/codec/codec.hpp>

#include "coerce/remote/v1/actors.pb.h"
#include "remote/proto_bytes.hpp"

namespace coerce::detail {

namespace {

constexpr Duration kLongestTimeout = std::chrono::minutes(5);

std::size_t limited(std::uint64_t count) noexcept {
  return static_cast<std::size_t>(std::min<std::uint64_t>(count, SIZE_MAX));
}

Duration read_duration(std::uint64_t nanoseconds) noexcept {
  return Duration(static_cast<Duration::rep>(
      std::min<std::uint64_t>(nanoseconds, static_cast<std::uint64_t>(Duration::max().count()))));
}

void write(const DescribeResult& from, std::uint32_t parent, remote::v1::DescribedActor& to) {
  to.set_parent(parent);
  to.set_id(from.actor_id().str());
  to.set_path(from.path().str());
  if (!from.is_ok()) {
    auto error = encode_message(from.error());
    if (!error) error = encode_message(ActorRefErr::ActorUnavailable());
    to.set_error(error->data(), error->size());
    return;
  }
  const ActorDescription& actor = from.description();
  to.set_type(actor.actor_type_name);
  to.set_context(actor.actor_context_id);
  for (const std::string& tag : actor.tags) to.add_tags(tag);
  to.set_status(static_cast<std::uint32_t>(actor.status));
  to.set_mailbox_depth(actor.mailbox_depth);
  to.set_current_message(actor.current_message);
  to.set_handling_for(static_cast<std::uint64_t>(actor.handling_for.count()));
  to.set_time_taken(static_cast<std::uint64_t>(actor.time_taken.count()));
}

DescribeResult read(const remote::v1::DescribedActor& from) {
  const ActorId id(from.id());
  const ActorPath path(from.path());
  if (!from.error().empty()) {
    const auto* data = reinterpret_cast<const std::uint8_t*>(from.error().data());
    auto error = decode_message<ActorRefErr>(BytesView(data, from.error().size()));
    return {id, path, error ? std::move(*error) : std::move(error).error()};
  }
  ActorDescription to;
  to.actor_id = id;
  to.path = path;
  to.actor_type_name = from.type();
  to.actor_context_id = from.context();
  to.tags.assign(from.tags().begin(), from.tags().end());
  to.status = static_cast<ActorStatus>(
      std::min<std::uint32_t>(from.status(), static_cast<std::uint32_t>(ActorStatus::Stopped)));
  to.mailbox_depth = limited(from.mailbox_depth());
  to.current_message = from.current_message();
  to.handling_for = read_duration(from.handling_for());
  to.time_taken = read_duration(from.time_taken());
  return DescribeResult(std::move(to));
}

/// An actor whose place in the row is known, and whose children may follow.
struct Written {
  const DescribeResult* result;
  std::uint32_t place;
  std::size_t depth;
};

}  // namespace

Bytes encode_question(const DescribeQuestion& question) {
  remote::v1::Describe message;
  message.set_id(question.id.str());
  message.set_max_depth(question.options.max_depth);
  message.set_max_children(question.options.max_children);
  message.set_child_timeout(to_microseconds(question.options.child_timeout));
  message.set_attached(question.options.attached);
  return to_bytes(message);
}

Result<DescribeQuestion> decode_question(BytesView bytes) {
  const auto message = from_bytes<remote::v1::Describe>(bytes);
  if (!message) return coerce::unexpected(message.error());
  DescribeQuestion question;
  question.id = ActorId(message->id());
  question.options.max_depth = std::min(limited(message->max_depth()), kMostLevels - 1);
  question.options.max_children = limited(message->max_children());
  question.options.child_timeout = from_microseconds(message->child_timeout(), kLongestTimeout);
  question.options.attached = message->attached();
  return question;
}

Bytes encode_description(const DescribeResult& result, std::size_t most) {
  remote::v1::Description message;
  std::size_t size = 0;
  const auto add = [&](const DescribeResult& one, std::uint32_t parent) {
    remote::v1::DescribedActor actor;
    write(one, parent, actor);
    const std::size_t more = actor.ByteSizeLong() + 8;
    if (size + more > most && message.actors_size() > 0) return false;
    size += more;
    message.add_actors()->Swap(&actor);
    return true;
  };
  add(result, 0);
  std::deque<Written> levels{{&result, 1, 1}};
  for (; !levels.empty(); levels.pop_front()) {
    const Written level = levels.front();
    if (!level.result->is_ok() || level.depth == kMostLevels) continue;
    const auto& children = level.result->description().supervised;
    for (std::size_t i = 0; i < children.size(); ++i) {
      if (add(children[i], level.place)) {
        const auto place = static_cast<std::uint32_t>(message.actors_size());
        levels.push_back({&children[i], place, level.depth + 1});
        continue;
      }
      const auto error = ActorRefErr::Overloaded(fmt::format(
          "{} actors are left out of a description that is too long", children.size() - i));
      auto& left_out = *message.add_actors();
      write(DescribeResult({}, {}, error), level.place, left_out);
      break;
    }
    if (size >= most) break;
  }
  return to_bytes(message);
}

Result<DescribeResult> decode_description(BytesView bytes) {
  const auto malformed = [] {
    return coerce::unexpected(ActorRefErr::Deserialisation("this is no description"));
  };
  const auto message = from_bytes<remote::v1::Description>(bytes);
  if (!message) return coerce::unexpected(message.error());
  const auto count = static_cast<std::size_t>(message->actors_size());
  if (count == 0 || message->actors(0).parent() != 0) return malformed();
  std::vector<std::vector<std::size_t>> children(count);
  std::vector<std::size_t> depth(count, 1);
  for (std::size_t i = 1; i < count; ++i) {
    const std::size_t parent = message->actors(static_cast<int>(i)).parent();
    if (parent == 0 || parent > i) return malformed();
    depth[i] = depth[parent - 1] + 1;
    if (depth[i] > kMostLevels) return malformed();
    children[parent - 1].push_back(i);
  }
  // From the last one on, so that children are whole before their parents are.
  std::vector<std::optional<DescribeResult>> results(count);
  for (std::size_t i = count; i-- > 0;) {
    DescribeResult result = read(message->actors(static_cast<int>(i)));
    if (result.is_ok()) {
      ActorDescription actor = result.description();
      for (const std::size_t child : children[i])
        actor.supervised.push_back(std::move(*results[child]));
      result = DescribeResult(std::move(actor));
    }
    results[i] = std::move(result);
  }
  return std::move(*results[0]);
}

}  // namespace coerce::detail
