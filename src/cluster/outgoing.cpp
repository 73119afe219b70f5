// What goes out once the lock is free.

#include <exception>

#include <fmt/format.h>

#include "cluster/cluster_membership.hpp"

namespace coerce::detail {

namespace {

// While a listener takes its time so much may wait for it.
constexpr std::size_t kMostBytesWaiting = std::size_t{8} << 20;
constexpr std::size_t kMostLinesWaiting = 256;

}  // namespace

// One thread at a time lets out what all have to say, so that nobody hears the newer before the
// older.
void ClusterMembership::release(Lock lock) {
  news();
  if (letting_out_) return shorten();  // somebody else does, and sees ours
  letting_out_ = true;
  while (!out_.empty()) {
    const Outgoing out = std::exchange(out_, {});
    const auto listeners = listeners_;
    const auto watchers = watchers_;
    const ClusterState present = *told_;
    watchers_.insert(watchers_.end(), out.newcomers.begin(), out.newcomers.end());
    lock.unlock();
    let_out(out, listeners, watchers, present);
    lock.lock();
    if (!std::exchange(has_dropped_letters_, false)) continue;
    for (const auto& [id, known] : known_)
      if (known.links > 0) write(id, everything());
  }
  letting_out_ = false;
}

// Each node is told the whole standing again, so none of the letters is needed. What happened to
// nodes has to be told; there is no more of it than views that were agreed on.
void ClusterMembership::shorten() {
  if (out_.bytes > kMostBytesWaiting) {
    out_.letters.clear();
    out_.bytes = 0;
    has_dropped_letters_ = true;
  }
  while (out_.lines.size() > kMostLinesWaiting) out_.lines.pop_front();
}

void ClusterMembership::let_out(const Outgoing& out, const std::vector<NodeListener>& listeners,
                                const std::vector<ClusterListener>& watchers,
                                const ClusterState& present) {
  for (const std::string& line : out.lines) guarded([&] { log_(line); });
  for (const NodeEvent& event : out.events)
    for (const NodeListener& listener : listeners)
      guarded([&] { listener(event.change, event.node); });
  if (out.state)
    for (const ClusterListener& watcher : watchers) guarded([&] { watcher(*out.state); });
  for (const ClusterListener& watcher : out.newcomers) guarded([&] { watcher(present); });
  for (const Letter& letter : out.letters) guarded([&] { (void)tell_(letter.to, letter.message); });
  if (!out.removed.empty()) guarded([&] { removed_(out.removed); });
}

// What a listener throws is its own affair: the others are told all the same.
void ClusterMembership::guarded(const std::function<void()>& call) noexcept {
  try {
    call();
  } catch (const std::exception& error) {
    complain(error.what());
  } catch (...) {
    complain("something was thrown");
  }
}

void ClusterMembership::complain(std::string_view why) noexcept {
  try {
    log_(fmt::format("what was to be told of the cluster was not taken: {}", why));
  } catch (...) {
    return;  // then nobody hears of it
  }
}

}  // namespace coerce::detail
