/// \file
/// Log lines that say which actor wrote them.

#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <coerce/actor/context.hpp>

namespace coerce {

enum class LogLevel : std::uint8_t { Trace, Debug, Info, Warn, Error, Critical, Off };

std::string_view to_string(LogLevel level) noexcept;

namespace detail {

/// One argument of a log line, as {fmt} will see it. Refers to what it was made from.
class LogArgument {
 public:
  enum class Kind : std::uint8_t { Bool, Char, Signed, Unsigned, Floating, Text, Pointer, Owned };

  LogArgument(bool value) noexcept : kind_(Kind::Bool) { value_.unsigned_number = value; }
  LogArgument(char value) noexcept : kind_(Kind::Char) { value_.signed_number = value; }
  template <std::signed_integral T>
  LogArgument(T value) noexcept : kind_(Kind::Signed) {
    value_.signed_number = value;
  }
  template <std::unsigned_integral T>
  LogArgument(T value) noexcept : kind_(Kind::Unsigned) {
    value_.unsigned_number = value;
  }
  LogArgument(double value) noexcept : kind_(Kind::Floating) { value_.floating = value; }
  LogArgument(std::string_view text) noexcept : kind_(Kind::Text) { value_.text = text; }
  LogArgument(const void* pointer) noexcept : kind_(Kind::Pointer) { value_.pointer = pointer; }
  explicit LogArgument(std::string text) noexcept : kind_(Kind::Owned), owned_(std::move(text)) {}

  Kind kind() const noexcept { return kind_; }
  std::int64_t signed_number() const noexcept { return value_.signed_number; }
  std::uint64_t unsigned_number() const noexcept { return value_.unsigned_number; }
  double floating() const noexcept { return value_.floating; }
  std::string_view text() const noexcept {
    return kind_ == Kind::Owned ? std::string_view(owned_) : value_.text;
  }
  const void* pointer() const noexcept { return value_.pointer; }

 private:
  Kind kind_;
  union Value {
    Value() noexcept : unsigned_number(0) {}
    std::int64_t signed_number;
    std::uint64_t unsigned_number;
    double floating;
    std::string_view text;
    const void* pointer;
  } value_;
  std::string owned_;
};

template <class T>
LogArgument log_argument(const T& value) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>)
    return LogArgument(std::string_view(value));
  else if constexpr (std::is_arithmetic_v<T>)
    return LogArgument(static_cast<std::conditional_t<std::floating_point<T>, double, T>>(value));
  else if constexpr (requires { std::string_view(value.view()); })
    return LogArgument(std::string_view(value.view()));
  else if constexpr (requires { std::string(value.to_string()); })
    return LogArgument(std::string(value.to_string()));
  else if constexpr (requires { std::string(to_string(value)); })
    return LogArgument(std::string(to_string(value)));
  else if constexpr (requires { value.what(); })
    return LogArgument(std::string_view(value.what()));
  else if constexpr (std::is_enum_v<T>)
    return LogArgument(static_cast<std::underlying_type_t<T>>(value));
  else if constexpr (std::is_pointer_v<T>)
    return LogArgument(static_cast<const void*>(value));
  else
    static_assert(std::is_void_v<T>,
                  "coerce: this cannot be logged: pass a number, a string, or something with "
                  "to_string()");
}

}  // namespace detail

/// Writes lines through spdlog's default logger, each beginning with the path of its actor.
///
/// The format is that of {fmt}; an argument is a number, a bool, something that converts to a
/// string_view, has view(), to_string() or what(), an enum or a pointer. A format that does not fit
/// its arguments is itself logged, as an error. A line that the level of the system or of spdlog
/// suppresses costs two comparisons; its arguments are not formatted. Lines are cut at 16 KiB.
/// Valid as long as the context that it came from.
class ActorLog {
 public:
  explicit ActorLog(const detail::Cell& cell) noexcept : cell_(&cell) {}

  bool enabled(LogLevel level) const noexcept;

  template <class... Args>
  void log(LogLevel level, std::string_view format, const Args&... arguments) const {
    if (!enabled(level)) return;
    if constexpr (sizeof...(Args) == 0) {
      write(level, format, {});
    } else {
      const detail::LogArgument all[] = {detail::log_argument(arguments)...};
      write(level, format, all);
    }
  }
  template <class... Args>
  void trace(std::string_view format, const Args&... arguments) const {
    log(LogLevel::Trace, format, arguments...);
  }
  template <class... Args>
  void debug(std::string_view format, const Args&... arguments) const {
    log(LogLevel::Debug, format, arguments...);
  }
  template <class... Args>
  void info(std::string_view format, const Args&... arguments) const {
    log(LogLevel::Info, format, arguments...);
  }
  template <class... Args>
  void warn(std::string_view format, const Args&... arguments) const {
    log(LogLevel::Warn, format, arguments...);
  }
  template <class... Args>
  void error(std::string_view format, const Args&... arguments) const {
    log(LogLevel::Error, format, arguments...);
  }
  template <class... Args>
  void critical(std::string_view format, const Args&... arguments) const {
    log(LogLevel::Critical, format, arguments...);
  }

 private:
  void write(LogLevel level, std::string_view format,
             std::span<const detail::LogArgument> arguments) const noexcept;

  const detail::Cell* cell_;
};

inline ActorLog ActorContext::log() const noexcept { return ActorLog(log_cell()); }

}  // namespace coerce
