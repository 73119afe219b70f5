/// \file
/// The log lines of the library itself.

#pragma once

#include <string_view>

#include <fmt/core.h>

#include <coerce/actor/log.hpp>

namespace coerce::detail {

class SystemCore;

/// Makes spdlog's default logger if it is not there.
void make_logger();
bool log_enabled(const SystemCore& system, LogLevel level) noexcept;
void write_line(LogLevel level, std::string_view line) noexcept;

/// A line that begins with the path of what it is about: an actor's, or the system's name.
template <class... Args>
void log(const SystemCore& system, LogLevel level, std::string_view path,
         fmt::format_string<Args...> format, Args&&... arguments) {
  if (!log_enabled(system, level)) return;
  std::string line = fmt::format("[{}] ", path);
  fmt::vformat_to(std::back_inserter(line), format, fmt::make_format_args(arguments...));
  write_line(level, line);
}

}  // namespace coerce::detail
