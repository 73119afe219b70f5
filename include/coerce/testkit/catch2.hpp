/// \file
/// For tests with Catch2, version 2 or 3: failed checks show what the library's values are.
///
/// What an expectation throws is shown by Catch2 as it is. CHECK(explore(...)) does not say why it
/// failed; use CHECK_EXPLORED.

#pragma once

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#include <catch2/catch_tostring.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <string>

#include <coerce/testkit/expectation.hpp>
#include <coerce/testkit/explore.hpp>

/// `CHECK_EXPLORED(scenario, options)`: passes if the scenario does under every seed; else shows
/// the report with the failing seed and what ran.
#define CHECK_EXPLORED(...)                                               \
  do {                                                                    \
    const auto coerce_explored = ::coerce::testkit::explore(__VA_ARGS__); \
    INFO(::coerce::testkit::to_string(coerce_explored));                  \
    CHECK(coerce_explored.passed);                                        \
  } while (false)

namespace Catch {

template <>
struct StringMaker<coerce::ActorId> {
  static std::string convert(const coerce::ActorId& id) { return id.str(); }
};

template <>
struct StringMaker<coerce::ActorRefErr> {
  static std::string convert(const coerce::ActorRefErr& error) { return error.to_string(); }
};

template <class T>
struct StringMaker<coerce::Result<T>> {
  static std::string convert(const coerce::Result<T>& result) {
    if (!result) return "error: " + result.error().to_string();
    if constexpr (std::is_void_v<T>)
      return "ok";
    else
      return ::Catch::Detail::stringify(*result);
  }
};

}  // namespace Catch
