/// \file
/// Formatting with {fmt}.

#pragma once

#include <fmt/core.h>

#include <coerce/actor/error.hpp>
#include <coerce/actor/id.hpp>

template <>
struct fmt::formatter<coerce::ActorId> : fmt::formatter<fmt::string_view> {
  template <class Context>
  auto format(const coerce::ActorId& id, Context& context) const {
    const auto text = id.view();
    return fmt::formatter<fmt::string_view>::format({text.data(), text.size()}, context);
  }
};

template <>
struct fmt::formatter<coerce::ActorRefErr> : fmt::formatter<fmt::string_view> {
  template <class Context>
  auto format(const coerce::ActorRefErr& error, Context& context) const {
    const std::string text = error.to_string();
    return fmt::formatter<fmt::string_view>::format({text.data(), text.size()}, context);
  }
};
