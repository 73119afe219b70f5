/// \file
/// A published message, as all its subscribers share it.

#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include <coerce/actor/error.hpp>
#include <coerce/codec/codec.hpp>

namespace coerce::detail {

/// Topic names and keys are told to other nodes, and kept there.
inline constexpr std::size_t kLongestTopicName = 255;
inline constexpr std::size_t kLongestTopicKey = 1024;

/// One message of many that wait for an actor: counts until it is gone. A copy does not count.
class Place {
 public:
  using Count = std::shared_ptr<std::atomic<std::size_t>>;

  Place() noexcept = default;
  explicit Place(Count taken) noexcept : taken_(std::move(taken)) {
    taken_->fetch_add(1, std::memory_order_relaxed);
  }
  Place(const Place&) noexcept {}
  Place(Place&&) noexcept = default;
  Place& operator=(Place other) noexcept {
    std::swap(taken_, other.taken_);
    return *this;
  }
  ~Place() {
    if (taken_) taken_->fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  Count taken_;
};

template <class M>
struct Published {
  template <class... Args>
  explicit Published(std::string with_key, Args&&... args)
      : key(std::move(with_key)), message(std::forward<Args>(args)...) {}
  const std::string key;
  const M message;
};

using PublishedPtr = std::shared_ptr<const void>;

/// What the library knows of a topic's class.
struct TopicType {
  std::string_view name;
  /// The Published behind the pointer as bytes. Error: Serialisation.
  Result<Bytes> (*encode)(const void* published);
  /// Error: Deserialisation.
  Result<PublishedPtr> (*decode)(std::string_view key, BytesView message);
};

template <class T>
struct TopicTypeOf {
  using M = typename T::Message;
  using Shared = Published<M>;

  static Result<Bytes> encode(const void* published) {
    return encode_message<M>(static_cast<const Shared*>(published)->message);
  }
  static Result<PublishedPtr> decode(std::string_view key, BytesView bytes) {
    auto message = decode_message<M>(bytes, {.max_bytes = bytes.size()});
    if (!message) return coerce::unexpected(std::move(message).error());
    return PublishedPtr(std::make_shared<const Shared>(std::string(key), std::move(*message)));
  }
  static constexpr TopicType value{T::topic_name, &encode, &decode};
};

}  // namespace coerce::detail
