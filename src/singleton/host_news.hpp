/// \file
/// Tells the other members which singletons this node hosts.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "remote/core.hpp"

namespace coerce::detail {

/// A singleton that a node hosts, as others are told.
struct HostedSingleton {
  std::uint64_t view = 0;      ///< in which it was granted to the node
  std::string failure{};       ///< not empty: it does not run, its start failed
  std::uint64_t failures = 0;  ///< counts them
};
using HostedSingletons = std::map<std::string, HostedSingleton, std::less<>>;

/// Tells all of them at a time, again and again until the node has taken it; one message at a time
/// to each node. Thread-safe. It lives as long as the node: its tasks refer to it.
class HostNews {
 public:
  explicit HostNews(RemoteCore& core) noexcept : core_(core) {}

  void set(HostedSingletons hosted);
  void members_changed(const std::vector<NodeDescription>& members);

 private:
  struct Line {
    explicit Line(NodeDescription to) : node(std::move(to)) {}
    const NodeDescription node;
    // Under the lock of all.
    bool busy = false;  ///< a task tells it
    bool gone = false;  ///< the node is no member any more
    bool deaf = false;  ///< its program has no singletons
    std::uint64_t known = 0;
  };
  using LineRef = std::shared_ptr<Line>;

  std::vector<LineRef> behind();
  Bytes message() const;
  void start(const std::vector<LineRef>& lines);
  static Task<void> tell(HostNews& self, LineRef line);

  RemoteCore& core_;
  std::mutex mutex_;
  HostedSingletons hosted_;
  std::uint64_t number_ = 0;  ///< of what is in hosted_; 0: never anything, which need not be told
  std::map<NodeId, LineRef> lines_;
};

}  // namespace coerce::detail
