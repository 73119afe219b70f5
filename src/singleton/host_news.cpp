#include "singleton/host_news.hpp"

#include <coerce/runtime/sleep.hpp>

#include "coerce/singleton/v1/singleton.pb.h"
#include "remote/proto_bytes.hpp"

namespace coerce::detail {

namespace {

constexpr Duration kAnswerLimit = std::chrono::seconds(5);
constexpr Duration kRetry = std::chrono::milliseconds(100);

}  // namespace

void HostNews::set(HostedSingletons hosted) {
  std::vector<LineRef> to_start;
  {
    const std::lock_guard guard(mutex_);
    hosted_ = std::move(hosted);
    ++number_;
    to_start = behind();
  }
  start(to_start);
}

void HostNews::members_changed(const std::vector<NodeDescription>& members) {
  std::vector<LineRef> to_start;
  {
    const std::lock_guard guard(mutex_);
    std::map<NodeId, LineRef> before = std::exchange(lines_, {});
    for (const NodeDescription& node : members) {
      if (node.id == core_.self().id) continue;
      const auto known = before.find(node.id);
      if (known != before.end() && known->second->node.incarnation == node.incarnation)
        lines_.insert(before.extract(known));
      else
        lines_[node.id] = std::make_shared<Line>(node);
    }
    for (const auto& [id, line] : before) line->gone = true;
    to_start = behind();
  }
  start(to_start);
}

std::vector<HostNews::LineRef> HostNews::behind() {
  std::vector<LineRef> lines;
  for (const auto& [id, line] : lines_)
    if (!line->deaf && line->known < number_ && !std::exchange(line->busy, true))
      lines.push_back(line);
  return lines;
}

void HostNews::start(const std::vector<LineRef>& lines) {
  for (const LineRef& line : lines) {
    if (core_.world().spawn(tell(*this, line))) continue;
    const std::lock_guard guard(mutex_);
    line->busy = false;  // the next change tries again
  }
}

Bytes HostNews::message() const {
  singleton::v1::Hosts message;
  message.set_number(number_);
  for (const auto& [name, hosted] : hosted_) {
    auto& added = *message.add_singletons();
    added.set_name(name);
    added.set_view(hosted.view);
    added.set_failure(hosted.failure);
    added.set_failures(hosted.failures);
  }
  return to_bytes(message);
}

Task<void> HostNews::tell(HostNews& self, LineRef line) {
  for (;;) {
    Bytes bytes;
    std::uint64_t number = 0;
    {
      const std::lock_guard guard(self.mutex_);
      if (line->gone || line->deaf || line->known >= self.number_) {
        line->busy = false;
        co_return;
      }
      number = self.number_;
      bytes = self.message();
    }
    auto asking =
        self.core_.ask(line->node.id, InternalKind::SingletonHosts, std::move(bytes), kAnswerLimit);
    const auto taken = co_await asking;
    if (taken) {
      const std::lock_guard guard(self.mutex_);
      line->known = number;
      continue;
    }
    if (taken.error().kind() == ActorRefErrKind::NotSupported) {
      const std::lock_guard guard(self.mutex_);
      line->deaf = true;
      continue;
    }
    const bool slept = co_await sleep_for(kRetry);
    if (slept) continue;
    const std::lock_guard guard(self.mutex_);
    line->busy = false;
    co_return;
  }
}

}  // namespace coerce::detail
