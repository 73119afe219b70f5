/// \file
/// What a fuzz target insists on.

#pragma once

#include <cstdio>
#include <cstdlib>

namespace coerce::fuzz {

inline void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

}  // namespace coerce::fuzz
