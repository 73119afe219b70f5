/// \file
/// The topics that actors of this node are subscribed to.

#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "pubsub/topic_subscription.hpp"

namespace coerce::detail {

/// Finds the subscriptions of a topic. Thread-safe; gives nothing to actors itself.
class LocalTopics {
 public:
  LocalTopics(std::size_t max_topics, std::size_t max_subscriptions) noexcept
      : max_topics_(max_topics), max_subscriptions_(max_subscriptions) {}

  /// Errors: NotSupported (its name is of another class), Overloaded.
  Result<void> add(TopicSubscriptionRef subscription);
  /// False: it was not there.
  bool remove(const TopicSubscription& subscription);
  /// In the order in which they began.
  std::vector<TopicSubscriptionRef> find(TopicView name) const;
  /// Error: NotSupported, if the topic's name is of another class here.
  Result<void> check(const TopicType& type) const;
  /// The class that has this name here; null if there is none.
  const TopicType* type_of(std::string_view topic) const;
  std::vector<TopicSubscriptionRef> all() const;
  std::size_t size() const;

 private:
  /// A name is of one class for as long as it has subscriptions.
  struct Used {
    const TopicType* type;
    std::size_t keys = 0;
  };

  const std::size_t max_topics_;
  const std::size_t max_subscriptions_;
  mutable std::mutex mutex_;
  using Subscriptions = std::map<std::uint64_t, TopicSubscriptionRef>;  ///< by their numbers
  std::map<TopicName, Subscriptions, TopicOrder> topics_;
  std::map<std::string, Used, std::less<>> types_;
  std::size_t size_ = 0;
};

}  // namespace coerce::detail
