/// \file
/// Topics and subscribers for tests.

#pragma once

#include <coerce/pubsub.hpp>

#include <string>
#include <vector>

#include <coerce/codec/members.hpp>

#include "remote/world.hpp"

namespace coerce::test {

/// What is said on a channel.
struct News {
  News() = default;
  explicit News(std::int64_t its_number, std::string its_text = {})
      : number(its_number), text(std::move(its_text)) {}
  std::int64_t number = 0;
  std::string text{};
};

struct Channel {
  using Message = News;
  static constexpr std::string_view topic_name = "channel";
  explicit Channel(std::string its_key = {}) : key(std::move(its_key)) {}
  std::string key;
};

/// Another one, without a key.
struct Weather {
  using Message = std::string;
  static constexpr std::string_view topic_name = "weather";
};

/// Writes down what it is told. Subscribes in started() if it is given a key.
class Listener : public Actor {
 public:
  static constexpr std::string_view type_name = "Listener";

  explicit Listener(std::optional<std::string> subscribes_to = {}) : key_(subscribes_to) {}

  /// Subscribes to the channel without a key.
  struct Join {};

  Task<void> started(ActorContext& ctx) {
    if (!key_) co_return;
    auto joining = join(*key_, ctx);
    co_await joining;
  }
  Task<void> handle(Join, ActorContext& ctx) { return join({}, ctx); }
  void handle(Receive<Channel> news, ActorContext&) {
    heard_.push_back(news.message().number);
    keys_.push_back(news.key());
  }
  void handle(TopicLagged<Channel> lagged, ActorContext&) {
    heard_.push_back(-static_cast<std::int64_t>(lagged.count) - 1);
  }

  /// The numbers of the news; what was lost is there as - count - 1.
  const std::vector<std::int64_t>& heard() const { return heard_; }
  const std::vector<std::string>& keys() const { return keys_; }
  void leave() { subscription_.end(); }

 private:
  Task<void> join(std::string key, ActorContext& ctx) {
    const Channel channel(std::move(key));
    auto subscribing = PubSub::subscribe<Listener>(channel, ctx);
    auto subscribed = co_await subscribing;
    if (!subscribed) throw std::runtime_error(subscribed.error().to_string());
    subscription_ = std::move(*subscribed);
  }

  std::optional<std::string> key_;
  Subscription subscription_;
  std::vector<std::int64_t> heard_;
  std::vector<std::string> keys_;
};

}  // namespace coerce::test

template <>
struct coerce::Codec<coerce::test::News>
    : coerce::MemberCodec<coerce::test::News, &coerce::test::News::number,
                          &coerce::test::News::text> {};
