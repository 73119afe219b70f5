#include "pubsub/local_topics.hpp"

#include <fmt/format.h>

namespace coerce::detail {

namespace {

ActorRefErr other_class(std::string_view topic) {
  return ActorRefErr::NotSupported(
      {}, {}, {}, fmt::format("the topic name {} belongs to another class here", topic));
}

}  // namespace

Result<void> LocalTopics::add(TopicSubscriptionRef subscription) {
  const TopicName name = subscription->name();
  const std::lock_guard guard(mutex_);
  const auto used = types_.find(name.topic);
  if (used != types_.end() && used->second.type != &subscription->type())
    return coerce::unexpected(other_class(name.topic));
  if (size_ >= max_subscriptions_)
    return coerce::unexpected(ActorRefErr::Overloaded("as many subscriptions as may be"));
  auto place = topics_.find(TopicView(name));
  if (place == topics_.end()) {
    if (topics_.size() >= max_topics_)
      return coerce::unexpected(ActorRefErr::Overloaded("as many topics as may be"));
    place = topics_.try_emplace(name).first;
    ++types_.try_emplace(name.topic, Used{&subscription->type()}).first->second.keys;
  }
  const std::uint64_t number = subscription->number();
  place->second.emplace(number, std::move(subscription));
  ++size_;
  return {};
}

bool LocalTopics::remove(const TopicSubscription& subscription) {
  Subscriptions::node_type removed;  // destroyed after the lock is released
  const std::lock_guard guard(mutex_);
  const auto place = topics_.find(TopicView(subscription.name()));
  if (place == topics_.end()) return false;
  removed = place->second.extract(subscription.number());
  if (removed.empty()) return false;
  --size_;
  if (!place->second.empty()) return true;
  const auto used = types_.find(place->first.topic);
  if (--used->second.keys == 0) types_.erase(used);
  topics_.erase(place);
  return true;
}

std::vector<TopicSubscriptionRef> LocalTopics::find(TopicView name) const {
  std::vector<TopicSubscriptionRef> list;
  const std::lock_guard guard(mutex_);
  const auto place = topics_.find(name);
  if (place == topics_.end()) return list;
  list.reserve(place->second.size());
  for (const auto& [number, subscription] : place->second) list.push_back(subscription);
  return list;
}

const TopicType* LocalTopics::type_of(std::string_view topic) const {
  const std::lock_guard guard(mutex_);
  const auto used = types_.find(topic);
  return used != types_.end() ? used->second.type : nullptr;
}

Result<void> LocalTopics::check(const TopicType& type) const {
  const TopicType* const here = type_of(type.name);
  if (here != nullptr && here != &type) return coerce::unexpected(other_class(type.name));
  return {};
}

std::vector<TopicSubscriptionRef> LocalTopics::all() const {
  const std::lock_guard guard(mutex_);
  std::vector<TopicSubscriptionRef> list;
  list.reserve(size_);
  for (const auto& [name, subscriptions] : topics_)
    for (const auto& [number, subscription] : subscriptions) list.push_back(subscription);
  return list;
}

std::size_t LocalTopics::size() const {
  const std::lock_guard guard(mutex_);
  return size_;
}

}  // namespace coerce::detail
