/// \file
/// How long the conformance suites of this run take.

#pragma once

#include <coerce/testkit/conformance.hpp>

#include <cstddef>
#include <cstdlib>

namespace coerce::test {

/// Seeds of each randomised promise: 50, or what the environment's COERCE_CONFORMANCE_SEEDS says.
inline std::size_t conformance_seeds() {
  const char* text = std::getenv("COERCE_CONFORMANCE_SEEDS");
  return text != nullptr && *text != '\0' ? std::strtoull(text, nullptr, 10) : 50;
}

}  // namespace coerce::test
