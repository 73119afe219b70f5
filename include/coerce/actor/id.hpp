/// \file
/// Names of actors.

#pragma once

#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace coerce {

namespace detail {

/// An immutable shared text; the characters follow it in memory.
struct SharedText {
  std::atomic<std::uint32_t> refs{1};
  std::uint32_t size;

  explicit SharedText(std::uint32_t length) noexcept : size(length) {}
  const char* data() const noexcept { return reinterpret_cast<const char*>(this + 1); }
  std::string_view view() const noexcept { return {data(), size}; }

  static SharedText* make(std::string_view text);
  static void retain(SharedText* text) noexcept {
    if (text != nullptr) text->refs.fetch_add(1, std::memory_order_relaxed);
  }
  static void release(SharedText* text) noexcept {
    if (text != nullptr && text->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(text);
  }
  static void destroy(SharedText* text) noexcept;
};

struct IdAccess;

}  // namespace detail

/// The name of an actor: an immutable shared string, cheap to copy. Thread-safe like a
/// std::string_view. At most 64 KiB; what is longer is cut.
class ActorId {
 public:
  ActorId() noexcept = default;
  ActorId(std::string_view text) : text_(text.empty() ? nullptr : detail::SharedText::make(text)) {}
  ActorId(const std::string& text) : ActorId(std::string_view(text)) {}
  ActorId(const char* text) : ActorId(std::string_view(text)) {}
  ActorId(const ActorId& other) noexcept : text_(other.text_) { detail::SharedText::retain(text_); }
  ActorId(ActorId&& other) noexcept : text_(std::exchange(other.text_, nullptr)) {}
  ActorId& operator=(ActorId other) noexcept {
    std::swap(text_, other.text_);
    return *this;
  }
  ~ActorId() { detail::SharedText::release(text_); }

  std::string_view view() const noexcept {
    return text_ == nullptr ? std::string_view() : text_->view();
  }
  std::string str() const { return std::string(view()); }
  bool empty() const noexcept { return text_ == nullptr; }

  friend bool operator==(const ActorId& a, const ActorId& b) noexcept {
    return a.view() == b.view();
  }
  friend std::strong_ordering operator<=>(const ActorId& a, const ActorId& b) noexcept {
    return a.view().compare(b.view()) <=> 0;
  }

 private:
  friend struct detail::IdAccess;
  explicit ActorId(detail::SharedText* adopted) noexcept : text_(adopted) {}

  detail::SharedText* text_ = nullptr;
};

/// Where an actor stands in the tree: `system/parent/child`.
using ActorPath = ActorId;

/// A fresh UUID (version 4) as text. Drawn from the generator of the system that the calling code
/// runs in; outside of any system from one of the process.
ActorId new_actor_id();

}  // namespace coerce

template <>
struct std::hash<coerce::ActorId> {
  std::size_t operator()(const coerce::ActorId& id) const noexcept {
    return std::hash<std::string_view>()(id.view());
  }
};
