/// \file
/// What the bank keeps in its journals. Numbers divided by blanks, which people can read as well.

#pragma once

#include <charconv>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include <coerce/persistence.hpp>

namespace bank {

/// The first event of every account.
struct Opened {
  std::int64_t balance = 0;
};
struct Withdrawn {
  std::int64_t transfer = 0;
  std::int64_t amount = 0;
};
/// The account had too little for this transfer, which therefore will never be.
struct Refused {
  std::int64_t transfer = 0;
  std::int64_t amount = 0;
};
struct Deposited {
  std::int64_t transfer = 0;
  std::int64_t amount = 0;
};

enum class Decision : std::int64_t { Withdrawn = 1, Refused = 2, Deposited = 3 };

/// The state of an account, as its snapshots keep it.
struct AccountState {
  std::int64_t balance = 0;
  std::int64_t settled = 0;                   ///< transfers up to this one will not come again
  std::map<std::int64_t, Decision> recent{};  ///< what became of those above it that came here
};

/// How far the file is settled: every transfer up to this one is acknowledged.
struct Mark {
  std::int64_t transfer = 0;
};

/// A text of whole numbers.
class NumberReader {
 public:
  explicit NumberReader(coerce::BytesView bytes) : rest_(coerce::text_of(bytes)) {}

  NumberReader& operator>>(std::int64_t& number) {
    if (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
    const char* end = rest_.data() + rest_.size();
    const auto [parsed_to, error] = std::from_chars(rest_.data(), end, number);
    sound_ = sound_ && error == std::errc();
    rest_.remove_prefix(static_cast<std::size_t>(parsed_to - rest_.data()));
    return *this;
  }
  bool more() const { return sound_ && !rest_.empty(); }
  bool ended_well() const { return sound_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool sound_ = true;
};

inline void write_text(std::string_view text, coerce::Bytes& out) {
  out.insert(out.end(), text.begin(), text.end());
}
inline tl::unexpected<coerce::ActorRefErr> not_understood(coerce::BytesView bytes) {
  return coerce::unexpected(coerce::ActorRefErr::Deserialisation(
      fmt::format("'{}' is not what the bank writes", coerce::text_of(bytes))));
}

/// The codec of a struct that is its numbers one after the other.
template <class T, auto... Members>
struct NumbersCodec {
  static coerce::Result<void> encode(const T& value, coerce::Bytes& out) {
    std::string text;
    ((text += fmt::format("{}{}", text.empty() ? "" : " ", value.*Members)), ...);
    write_text(text, out);
    return {};
  }
  static coerce::Result<T> decode(coerce::BytesView bytes) {
    T value;
    NumberReader reader(bytes);
    (reader >> ... >> (value.*Members));
    if (!reader.ended_well()) return not_understood(bytes);
    return value;
  }
};

}  // namespace bank

template <>
struct coerce::Codec<bank::Opened> : bank::NumbersCodec<bank::Opened, &bank::Opened::balance> {};
template <>
struct coerce::Codec<bank::Withdrawn>
    : bank::NumbersCodec<bank::Withdrawn, &bank::Withdrawn::transfer, &bank::Withdrawn::amount> {};
template <>
struct coerce::Codec<bank::Refused>
    : bank::NumbersCodec<bank::Refused, &bank::Refused::transfer, &bank::Refused::amount> {};
template <>
struct coerce::Codec<bank::Deposited>
    : bank::NumbersCodec<bank::Deposited, &bank::Deposited::transfer, &bank::Deposited::amount> {};
template <>
struct coerce::Codec<bank::Mark> : bank::NumbersCodec<bank::Mark, &bank::Mark::transfer> {};

template <>
struct coerce::Codec<bank::AccountState> {
  static Result<void> encode(const bank::AccountState& state, Bytes& out) {
    std::string text = fmt::format("{} {}", state.balance, state.settled);
    for (const auto& [transfer, decision] : state.recent)
      text += fmt::format(" {} {}", transfer, static_cast<std::int64_t>(decision));
    bank::write_text(text, out);
    return {};
  }
  static Result<bank::AccountState> decode(BytesView bytes) {
    bank::AccountState state;
    bank::NumberReader reader(bytes);
    reader >> state.balance >> state.settled;
    while (reader.more()) {
      std::int64_t transfer = 0;
      std::int64_t decision = 0;
      reader >> transfer >> decision;
      if (decision < 1 || decision > 3) return bank::not_understood(bytes);
      state.recent.emplace(transfer, static_cast<bank::Decision>(decision));
    }
    if (!reader.ended_well()) return bank::not_understood(bytes);
    return state;
  }
};
