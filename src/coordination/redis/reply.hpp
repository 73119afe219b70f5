/// \file
/// What a Redis server says, read with limits.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coerce/actor/error.hpp>

struct redisReader;

namespace coerce::detail::redis {

enum class ReplyType : std::uint8_t { Nil, Integer, Text, Error, List };

struct Reply {
  ReplyType type = ReplyType::Nil;
  std::int64_t integer = 0;
  std::string text{};  ///< of Text and Error
  std::vector<Reply> items{};

  bool is_text() const noexcept { return type == ReplyType::Text; }
  bool is_error() const noexcept { return type == ReplyType::Error; }
  bool is_list() const noexcept { return type == ReplyType::List; }
  /// The first word of an error.
  std::string_view error_code() const noexcept;
};

/// A number without a sign that is all of `text`.
std::optional<std::uint64_t> to_number(std::string_view text) noexcept;

/// What a server may make us keep for one reply.
struct ReplyLimits {
  std::size_t max_bytes = 1 << 20;
  std::size_t max_items = 65'536;  ///< of all lists together
};

/// Makes replies out of bytes. After an error it is of no use any more. For one thread.
class ReplyReader {
 public:
  explicit ReplyReader(const ReplyLimits& limits);
  ReplyReader(ReplyReader&&) noexcept;
  ReplyReader& operator=(ReplyReader&&) noexcept;
  ~ReplyReader();

  void feed(std::string_view bytes);
  /// The next reply, if all of it has come; the error says what is wrong with what came.
  Result<std::optional<Reply>, std::string> next();
  /// Bytes that have come behind the last reply.
  std::size_t left_over() const noexcept;

 private:
  friend struct ReplyBuilder;
  struct State;
  struct Free {
    void operator()(redisReader* reader) const noexcept;
  };

  std::unique_ptr<State> state_;
  std::unique_ptr<redisReader, Free> reader_;
};

}  // namespace coerce::detail::redis
