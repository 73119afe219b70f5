/// \file
/// What expectations need of the thing that they run in.

#pragma once

#include <functional>
#include <string_view>

#include <coerce/runtime/clock.hpp>

namespace coerce::testkit::detail {

class Stage {
 public:
  Stage() = default;
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  /// Runs until `done()`, at most for so long; what it said last.
  virtual bool wait_for(const std::function<bool()>& done, Duration within) = 0;
  virtual Duration now() const noexcept = 0;
  /// Throws ExpectationFailed.
  [[noreturn]] virtual void fail(std::string_view what) const = 0;

 protected:
  ~Stage() = default;
};

}  // namespace coerce::testkit::detail
