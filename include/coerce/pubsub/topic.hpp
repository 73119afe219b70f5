/// \file
/// Topics, and what their subscribers get.

#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <coerce/actor/message.hpp>
#include <coerce/pubsub/detail/published.hpp>

namespace coerce {

/// Something that messages are published on: a class with a type `Message` and a constant
/// `topic_name`, the same on all nodes, of at most 255 bytes. Its values may have a text `key` of
/// at most 1 KiB: each key is a topic of its own. A process has one class for each name.
template <class T>
concept Topic = std::is_class_v<T> && Message<typename T::Message> && requires {
  { T::topic_name } -> std::convertible_to<std::string_view>;
};

/// The key of a topic's value; empty if its class has none.
template <Topic T>
std::string key_of(const T& topic) {
  if constexpr (requires {
                  { topic.key } -> std::convertible_to<std::string_view>;
                })
    return std::string(std::string_view(topic.key));
  else
    return {};
}

/// What a subscriber gets for each message that is published on a T. All subscribers of a node
/// share one message, so it cannot be changed. A copy is cheap.
template <class T>
class Receive {
 public:
  const typename T::Message& message() const noexcept { return published_->message; }
  const std::string& key() const noexcept { return published_->key; }

  /// For the library.
  Receive(std::shared_ptr<const detail::Published<typename T::Message>> published,
          detail::Place place) noexcept
      : published_(std::move(published)), place_(std::move(place)) {}

 private:
  std::shared_ptr<const detail::Published<typename T::Message>> published_;
  detail::Place place_;
};

/// Told to a subscriber that handles it: messages of its subscription to a T did not arrive. Those
/// that come after it were published later.
template <class T>
struct TopicLagged {
  /// They came faster than the actor handled them. 0: some may be missing from another node, whose
  /// link broke; nobody knows how many, or whether.
  std::uint64_t count = 0;
};

}  // namespace coerce
