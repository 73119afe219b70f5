#include <coerce/actor/extension.hpp>

#include <stdexcept>

#include <coerce/actor/system.hpp>

#include "actor/extensions.hpp"
#include "actor/post.hpp"
#include "actor/system_core.hpp"

namespace coerce {

SystemExtension::~SystemExtension() = default;

void SystemExtension::started(const ActorSystem&) {}
Task<void> SystemExtension::stop_accepting(TimePoint) { co_return; }
Task<void> SystemExtension::stop(TimePoint) { co_return; }

detail::SystemCore& SystemExtension::core() const {
  detail::SystemCore* core = core_.load(std::memory_order_acquire);
  if (core == nullptr)
    throw std::logic_error("coerce: extension " + std::string(name()) + " is part of no system");
  return *core;
}

ActorSystem SystemExtension::system() const { return core().borrow(); }

namespace detail {

std::optional<ActorRefErr> Extensions::add(const ActorSystem& system, const void* key,
                                           std::shared_ptr<SystemExtension> extension) {
  const auto refuse = [&](std::string_view why) {
    return ActorRefErr::NotSupported(ActorId(extension->name()), "", "", why);
  };
  std::size_t index = 0;
  {
    const std::lock_guard guard(mutex_);
    if (closed_) return ActorRefErr::ActorUnavailable("the system is shutting down");
    index = size();
    if (index == kMost) return refuse("a system has at most 32 extensions");
    if (find(key) != nullptr) return ActorRefErr::AlreadyExists(ActorId(extension->name()));
    SystemCore* nobody = nullptr;
    if (!extension->core_.compare_exchange_strong(nobody, &system.core()))
      return refuse("the extension is part of a system already");
    extension->shard_ = static_cast<std::uint8_t>(SystemCore::kLiveShards + index);
    slots_[index].extension = extension;
    count_.store(index + 1, std::memory_order_release);
  }
  try {
    extension->started(system);
  } catch (...) {
    stop_actors(index);
    throw;
  }
  {
    const std::lock_guard guard(mutex_);
    if (!closed_ && find(key) == nullptr) {
      slots_[index].key.store(key, std::memory_order_release);
      return std::nullopt;
    }
  }
  stop_actors(index);
  return ActorRefErr::ActorUnavailable("the system is shutting down, or has such an extension");
}

void Extensions::close() noexcept {
  const std::lock_guard guard(mutex_);
  closed_ = true;
}

void Extensions::stop_actors(std::size_t i) noexcept {
  ExtensionSlot& slot = slots_[i];
  std::vector<CellRef> cells;
  {
    const std::lock_guard guard(slot.actors.lock);
    slot.closed = true;
    slot.actors.list(cells);
    if (slot.actors.count == 0) slot.actors_ended.set();
  }
  for (const CellRef& cell : cells) post_stop(*cell, StopReasonKind::SystemShutdown);
}

void Extensions::destroy() noexcept {
  for (std::size_t i = size(); i-- > 0;) {
    slots_[i].key.store(nullptr, std::memory_order_relaxed);
    if (!slots_[i].extension) continue;
    slots_[i].extension->core_.store(nullptr, std::memory_order_release);
    slots_[i].extension.reset();
  }
}

}  // namespace detail

}  // namespace coerce
