/// \file
/// What a test throws when it does not see what it expects.

#pragma once

#include <stdexcept>
#include <string>

#include <fmt/core.h>

#include <coerce/actor/format.hpp>
#include <coerce/actor/message.hpp>

namespace coerce::testkit {

/// An expectation was not met. what() says what was expected and what came instead, the seed, and
/// the virtual time.
class ExpectationFailed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A message as words: formatted with {fmt} if it can be, else the name of its type.
template <class M>
std::string describe(const M& message) {
  const std::string name(type_name_of<M>());
  if constexpr (fmt::is_formattable<M>::value)
    return fmt::format("{} {}", name, message);
  else
    return name;
}

}  // namespace coerce::testkit
