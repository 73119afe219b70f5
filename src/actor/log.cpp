#include "actor/log.hpp"

#include <fmt/args.h>
#include <spdlog/spdlog.h>

#include "actor/system_core.hpp"

namespace coerce {

namespace {

constexpr std::size_t kMostOfALine = 16 * 1024;

spdlog::level::level_enum level_of(LogLevel level) noexcept {
  static_assert(static_cast<int>(LogLevel::Critical) == spdlog::level::critical);
  return static_cast<spdlog::level::level_enum>(level);
}

void push(fmt::dynamic_format_arg_store<fmt::format_context>& store,
          const detail::LogArgument& argument) {
  using Kind = detail::LogArgument::Kind;
  switch (argument.kind()) {
    case Kind::Bool:
      return store.push_back(argument.unsigned_number() != 0);
    case Kind::Char:
      return store.push_back(static_cast<char>(argument.signed_number()));
    case Kind::Signed:
      return store.push_back(argument.signed_number());
    case Kind::Unsigned:
      return store.push_back(argument.unsigned_number());
    case Kind::Floating:
      return store.push_back(argument.floating());
    case Kind::Text:
    case Kind::Owned:
      return store.push_back(argument.text());
    case Kind::Pointer:
      return store.push_back(argument.pointer());
  }
}

}  // namespace

std::string_view to_string(LogLevel level) noexcept {
  constexpr std::string_view names[] = {"trace", "debug",    "info", "warn",
                                        "error", "critical", "off"};
  return names[static_cast<std::size_t>(level)];
}

namespace detail {

void make_logger() { (void)spdlog::default_logger_raw(); }

bool log_enabled(const SystemCore& system, LogLevel level) noexcept {
  return level >= system.log_level() && level != LogLevel::Off &&
         spdlog::default_logger_raw()->should_log(level_of(level));
}

void write_line(LogLevel level, std::string_view line) noexcept {
  try {
    spdlog::default_logger_raw()->log(level_of(level), line.substr(0, kMostOfALine));
  } catch (...) {  // nothing is left to tell it to
  }
}

}  // namespace detail

bool ActorLog::enabled(LogLevel level) const noexcept {
  return detail::log_enabled(*cell_->system, level);
}

void ActorLog::write(LogLevel level, std::string_view format,
                     std::span<const detail::LogArgument> arguments) const noexcept {
  try {
    const ActorPath path = const_cast<detail::Cell*>(cell_)->full_path();
    std::string line = fmt::format("[{}] ", path.view());
    fmt::dynamic_format_arg_store<fmt::format_context> store;
    for (const detail::LogArgument& argument : arguments) push(store, argument);
    try {
      fmt::vformat_to(std::back_inserter(line), format, store);
    } catch (const fmt::format_error& error) {
      level = LogLevel::Error;
      line += fmt::format("a log line does not fit its arguments ({}): {}", error.what(), format);
    }
    detail::write_line(level, line);
  } catch (...) {  // no memory for a line
  }
}

}  // namespace coerce
