/// \file
/// How long the conformance suites of this run take.

#pragma once

#include <coerce/testkit/conformance.hpp>

#include <cstddef>
#include <cstdlib>

namespace coerce::test {

/// Seeds of each randomised promise: what the environment's COERCE_CONFORMANCE_SEEDS says, else the
/// usual number; fewer where each one waits for a disk.
inline std::size_t conformance_seeds(std::size_t usual = 50) {
  const char* text = std::getenv("COERCE_CONFORMANCE_SEEDS");
  return text != nullptr && *text != '\0' ? std::strtoull(text, nullptr, 10) : usual;
}

}  // namespace coerce::test
