/// \file
/// One subscription of an actor of this node.

#pragma once

#include <mutex>

#include <coerce/pubsub/detail/calls.hpp>

#include "pubsub/topic_name.hpp"

namespace coerce::detail {

/// Gives messages to its actor, one publisher at a time, and remembers what was lost until the
/// actor has been told. Thread-safe. Nothing is given once end() has returned.
class TopicSubscription {
 public:
  /// What is to be done after something was given.
  struct Outcome {
    bool ended = false;        ///< the actor has
    bool is_waiting = false;   ///< to tell the actor of lag: see tell_lag()
    std::uint64_t untold = 0;  ///< lost, and the actor does not handle that
    std::uint64_t lost = 0;    ///< the same or not
  };

  TopicSubscription(SubscriptionRequest request, std::uint64_t number);

  /// Of its node; later ones have higher ones.
  std::uint64_t number() const noexcept { return number_; }
  const TopicType& type() const noexcept { return *type_; }
  const TopicName& name() const noexcept { return name_; }
  const ActorId& actor() const noexcept { return actor_; }

  Outcome give(const PublishedPtr& published);
  /// Some messages of another node may be missing.
  Outcome note_gap();
  /// Tells the actor of what was lost, if that could not be done at once.
  Outcome tell_lag();
  void end() noexcept;

  /// Its node's: it is among those that have to tell their actors of lag.
  std::atomic<bool>& is_listed() noexcept { return is_listed_; }
  /// Its node's: nobody has an object that ends it.
  std::atomic<bool>& is_left() noexcept { return is_left_; }
  /// Is it of the same actor?
  bool is_of(const SubscriptionRequest& request) const noexcept;

 private:
  bool has_room() const noexcept;
  bool tell(Outcome& outcome);
  void lose(Outcome& outcome);

  const std::uint64_t number_;
  const TopicType* const type_;
  const TopicName name_;
  const ActorId actor_;
  const void* const cell_;
  const std::size_t capacity_;
  std::atomic<bool> is_listed_{false};
  std::atomic<bool> is_left_{false};
  const Place::Count waiting_ = std::make_shared<std::atomic<std::size_t>>(0);

  std::mutex mutex_;
  SubscriberPort port_;
  bool ended_ = false;
  bool gap_ = false;        ///< of an unknown size, to be told
  std::uint64_t lost_ = 0;  ///< to be told
};

using TopicSubscriptionRef = std::shared_ptr<TopicSubscription>;

}  // namespace coerce::detail
