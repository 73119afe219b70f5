/// \file
/// A singleton for tests, and nodes that have built it.

#pragma once

#include <coerce/singleton.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <coerce/codec/members.hpp>

#include "remote/world.hpp"

namespace coerce::test {

/// Answers with its text and the node that has answered: "text@node".
struct Echo {
  using Result = std::string;
  Echo() = default;
  explicit Echo(std::string its_text) : text(std::move(its_text)) {}
  std::string text{};
};
/// Counts.
struct Add {
  Add() = default;
  explicit Add(std::int64_t its_number) : number(its_number) {}
  std::int64_t number = 0;
};
/// The sum of what was added since the last start.
struct Sum {
  using Result = std::int64_t;
  std::int64_t unused = 0;
};
/// Makes it fail.
struct Break {
  std::int64_t unused = 0;
};

/// What all nodes of a test see of it.
struct Office {
  int starts = 0;
  int running = 0;
  int most = 0;            ///< that ran at a time
  int failing_starts = 0;  ///< so many starts fail from now on
};

class Clerk : public Actor {
 public:
  static constexpr std::string_view type_name = "Clerk";

  Clerk(NodeId node, std::shared_ptr<Office> office) : node_(node), office_(std::move(office)) {}

  void started(ActorContext&) {
    if (office_->failing_starts > 0) {
      --office_->failing_starts;
      throw std::runtime_error("the office is closed");
    }
    is_running_ = true;
    ++office_->starts;
    office_->most = std::max(office_->most, ++office_->running);
  }
  void stopped(ActorContext&) {
    if (std::exchange(is_running_, false)) --office_->running;
  }
  std::string handle(const Echo& message, ActorContext&) {
    return message.text + "@" + std::to_string(node_);
  }
  void handle(Add message, ActorContext&) { sum_ += message.number; }
  std::int64_t handle(Sum, ActorContext&) { return sum_; }
  void handle(Break, ActorContext&) { throw std::runtime_error("broken"); }

 private:
  NodeId node_;
  std::shared_ptr<Office> office_;
  bool is_running_ = false;
  std::int64_t sum_ = 0;
};

}  // namespace coerce::test

template <>
struct coerce::Codec<coerce::test::Echo>
    : coerce::MemberCodec<coerce::test::Echo, &coerce::test::Echo::text> {};
template <>
struct coerce::Codec<coerce::test::Add>
    : coerce::MemberCodec<coerce::test::Add, &coerce::test::Add::number> {};
template <>
struct coerce::Codec<coerce::test::Sum>
    : coerce::MemberCodec<coerce::test::Sum, &coerce::test::Sum::unused> {};
template <>
struct coerce::Codec<coerce::test::Break>
    : coerce::MemberCodec<coerce::test::Break, &coerce::test::Break::unused> {};

namespace coerce::test {

inline void with_clerks(RemoteActorSystemBuilder& builder, NodeId) {
  builder.with_handlers([](RemoteHandlers& handlers) {
    handlers.with_handler<Clerk, Echo>("Clerk.Echo")
        .with_handler<Clerk, Add>("Clerk.Add")
        .with_handler<Clerk, Sum>("Clerk.Sum")
        .with_handler<Clerk, Break>("Clerk.Break");
  });
}

inline SingletonBuilder<Clerk> clerk_builder(const RemoteActorSystem& remote,
                                             std::shared_ptr<Office> office) {
  auto builder = Singleton<Clerk>::builder(remote);
  const NodeId node = remote.node_id();
  const auto make = [node, office] { return Clerk(node, office); };
  builder.factory(make);
  return builder;
}

template <class World>
Singleton<Clerk> build_clerk(World& world, NodeId node, std::shared_ptr<Office> office) {
  auto builder = clerk_builder(world.remote(node), std::move(office));
  auto built = world.run(node, builder.build());
  REQUIRE(built);
  return *built;
}

/// "text@node", or the error.
template <class World>
std::string echo(World& world, NodeId node, const Singleton<Clerk>& clerk,
                 Duration timeout = std::chrono::seconds(5)) {
  auto asking = clerk.send_for<Echo>(timeout, "hello");
  const auto answer = world.run(node, std::move(asking));
  return answer ? *answer : answer.error().to_string();
}

/// Built on all nodes of the world; it runs on node 1.
struct Offices {
  explicit Offices(std::size_t count, const NodeSetup& setup = &with_clerks) : world(count, setup) {
    for (NodeId id = 1; id <= count; ++id) clerks.push_back(build_clerk(world, id, office));
  }
  std::string echo(NodeId node, Duration timeout = 30s) {
    return test::echo(world, node, clerks.at(node - 1), timeout);
  }

  SimulatedWorld world;
  const std::shared_ptr<Office> office = std::make_shared<Office>();
  std::vector<Singleton<Clerk>> clerks;
};

}  // namespace coerce::test
