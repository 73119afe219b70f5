/// \file
/// What can go wrong between an actor and its journal.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <coerce/actor/error.hpp>

namespace coerce {

enum class JournalErrKind : std::uint8_t {
  Conflict,     ///< the head is not the expected one: nothing was written
  Fenced,       ///< somebody has opened the journal since, or a higher epoch owns it: nothing was
                ///< written, and this owner will never write again
  Unavailable,  ///< certainly not done; it may be possible later
  Unknown,      ///< perhaps done: the store did not say
  Corrupt,      ///< what is stored cannot be read, or contradicts itself
  Limit,        ///< something is larger than JournalLimits allows: nothing was written
};

std::string_view to_string(JournalErrKind kind) noexcept;

/// An error of a journal. A value; thread-safe like one.
class [[nodiscard]] JournalErr {
 public:
  using Kind = JournalErrKind;

  explicit JournalErr(Kind kind, std::string detail = {})
      : kind_(kind), detail_(std::move(detail)) {}

  Kind kind() const noexcept { return kind_; }
  /// Words for people.
  const std::string& detail() const noexcept { return detail_; }
  std::string to_string() const;

  friend bool operator==(const JournalErr&, const JournalErr&) = default;

 private:
  Kind kind_;
  std::string detail_;
};

template <class T>
using JournalResult = Result<T, JournalErr>;

}  // namespace coerce
