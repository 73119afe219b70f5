/// \file
/// What an actor says about itself.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include <coerce/actor/error.hpp>
#include <coerce/actor/options.hpp>

namespace coerce {

class DescribeResult;

/// A snapshot of one actor. Names are copies: the actor may be gone when they are read.
struct ActorDescription {
  ActorId actor_id;
  ActorPath path;  ///< the full path
  std::string actor_type_name;
  std::uint64_t actor_context_id = 0;
  std::vector<std::string> tags;
  ActorStatus status = ActorStatus::Starting;
  std::size_t mailbox_depth = 0;  ///< messages that wait; counted up to 10 000
  /// The type of the message whose handler is suspended; empty if none. An actor that keeps its
  /// worker busy describes itself only afterwards: the error Timeout names its message.
  std::string current_message;
  Duration handling_for{};  ///< for how long it is being handled, to about a millisecond
  std::vector<DescribeResult> supervised;
  Duration time_taken{};
};

/// A description, or why there is none.
class DescribeResult {
 public:
  explicit DescribeResult(ActorDescription description)
      : id_(description.actor_id), path_(description.path), description_(std::move(description)) {}
  DescribeResult(ActorId id, ActorPath path, ActorRefErr error)
      : id_(std::move(id)), path_(std::move(path)), error_(std::move(error)) {}

  bool is_ok() const noexcept { return description_.has_value(); }
  const ActorId& actor_id() const noexcept { return id_; }
  const ActorPath& path() const noexcept { return path_; }
  /// \pre is_ok()
  const ActorDescription& description() const { return description_.value(); }
  /// \pre !is_ok()
  const ActorRefErr& error() const { return error_.value(); }

 private:
  ActorId id_;
  ActorPath path_;
  std::optional<ActorDescription> description_;
  std::optional<ActorRefErr> error_;
};

}  // namespace coerce
