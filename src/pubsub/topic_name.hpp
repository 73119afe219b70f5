/// \file
/// What tells topics apart: name and key.

#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace coerce::detail {

struct TopicView {
  std::string_view topic;
  std::string_view key;
  friend auto operator<=>(const TopicView&, const TopicView&) = default;
};

struct TopicName {
  std::string topic;
  std::string key;

  explicit TopicName(TopicView name) : topic(name.topic), key(name.key) {}
  operator TopicView() const noexcept { return {topic, key}; }
  std::size_t size() const noexcept { return topic.size() + key.size(); }
};

/// Orders names, and finds them without making one.
struct TopicOrder {
  using is_transparent = void;
  bool operator()(TopicView a, TopicView b) const noexcept { return a < b; }
};

}  // namespace coerce::detail
