/// \file
/// Numbers for names: what a link calls actors and handlers by.

#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <coerce/actor/detail/foreign.hpp>
#include <coerce/remote/handlers.hpp>

#include "remote/frame.hpp"

namespace coerce::detail {

/// In each direction; a sender may use fewer. Longer names than that are not interned.
inline constexpr std::size_t kMaxNames = 64 * 1024;
inline constexpr std::size_t kMaxInternedName = 255;

inline BytesView bytes_view(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// The names that this side gives. Under the lock of the outbox.
class OutNames {
 public:
  explicit OutNames(std::size_t limit) noexcept : limit_(std::min(limit, kMaxNames)) {}

  /// A new link, which knows no names yet.
  void reset(std::size_t handlers);

  struct Given {
    std::uint32_t id;
    bool is_new;  ///< the peer has to be told first
  };
  /// None: the name has to be written out.
  std::optional<Given> actor(std::string_view id);
  /// The number of a handler is its index. True: the peer has to be told first.
  bool introduce(const RemoteHandler& handler) {
    if (handlers_[handler.index]) [[likely]]
      return false;
    handlers_[handler.index] = true;
    return true;
  }
  std::string_view actor_name(std::uint32_t id) const noexcept { return names_[id]; }

 private:
  std::size_t limit_;
  std::unordered_map<std::string_view, std::uint32_t> actors_;
  std::deque<std::string> names_;  ///< what the keys of actors_ point to
  std::vector<bool> handlers_;     ///< introduced
};

/// The names that the other side has given. Reader of the link only.
class InNames {
 public:
  struct Target {
    ActorId id;
    CellRef cell;  ///< found the last time
  };
  struct Type {
    std::string name{};
    const RemoteHandler* handler = nullptr;  ///< null: not known here, or not allowed
    bool allowed = true;
    bool known = false;
  };

  /// False: not the next number, too many, or too long.
  bool add_actor(std::uint32_t id, BytesView name);
  bool add_type(std::uint16_t id, BytesView name, const RemoteHandlers& handlers,
                const NodeDescription& from);
  /// Null: no such number.
  Target* target(std::uint32_t id) noexcept {
    return id < targets_.size() ? &targets_[id] : nullptr;
  }
  const Type* type(std::uint16_t id) const noexcept {
    return id < types_.size() && types_[id].known ? &types_[id] : nullptr;
  }

 private:
  std::vector<Target> targets_;
  std::vector<Type> types_;  ///< by number; with gaps
};

/// The names in front of the payload of a message that has no numbers: the actor's length (4 bytes)
/// and text, the handler's length (1 byte) and text.
struct InlineNames {
  std::string_view actor;
  std::string_view handler;
};
std::size_t inline_size(const InlineNames& names) noexcept;
void write_inline_names(const InlineNames& names, std::uint8_t* out) noexcept;
/// Takes them from the front of `payload`; none: malformed.
std::optional<InlineNames> read_inline_names(BytesView& payload) noexcept;

}  // namespace coerce::detail
