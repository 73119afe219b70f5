/// \file
/// The actors of a node that is a process of its own, and what is said to them.

#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include <coerce/remote.hpp>

namespace remote_process {

/// The next of a sender's numbers, and bytes that only have a length.
struct Number {
  Number() = default;
  Number(std::int64_t number, std::string bytes) : value(number), ballast(std::move(bytes)) {}
  std::int64_t value = 0;
  std::string ballast;
};
struct Ask {
  using Result = std::int64_t;
  std::int64_t value = 0;
};
struct Seen {
  std::int64_t numbers = 0;
  std::int64_t disordered = 0;  ///< not above the number before
  std::int64_t latest = 0;
};
struct GetSeen {
  using Result = Seen;
};

/// Counts the numbers of one sender.
class Counter : public coerce::Actor {
 public:
  void handle(const Number& number, coerce::ActorContext&) {
    ++seen_.numbers;
    if (number.value <= seen_.latest) ++seen_.disordered;
    seen_.latest = number.value;
  }
  std::int64_t handle(Ask ask, coerce::ActorContext&) { return ask.value; }
  Seen handle(GetSeen, coerce::ActorContext&) { return seen_; }

 private:
  Seen seen_;
};

/// Answers nothing before its process ends.
class Silent : public coerce::Actor {
 public:
  coerce::Task<std::int64_t> handle(Ask ask, coerce::ActorContext&) {
    (void)co_await coerce::sleep_for(std::chrono::hours(1));
    co_return ask.value;
  }
};

struct Visit {
  using Result = std::int64_t;
};

/// The singleton: says where it runs.
class Register : public coerce::Actor {
 public:
  static constexpr std::string_view type_name = "Register";
  explicit Register(coerce::NodeId node) : node_(node) {}
  std::int64_t handle(Visit, coerce::ActorContext&) { return static_cast<std::int64_t>(node_); }

 private:
  coerce::NodeId node_;
};

/// Without members, so without bytes.
struct Speak {
  using Result = std::string;
};

/// Says one thing.
class Speaker : public coerce::Actor {
 public:
  explicit Speaker(std::string word) : word_(std::move(word)) {}
  std::string handle(Speak, coerce::ActorContext&) { return word_; }

 private:
  std::string word_;
};

/// What a speaker is made from.
struct Word {
  std::string text{};
};

/// Makes no speaker of "throw".
struct SpeakerFactory {
  using Actor = Speaker;
  using Recipe = Word;

  coerce::Task<coerce::Result<Speaker>> create(Word word) const {
    if (word.text == "throw") throw std::runtime_error("the word cannot be said");
    co_return Speaker(std::move(word.text));
  }
};

}  // namespace remote_process

template <>
struct coerce::Codec<remote_process::Speak> : coerce::MemberCodec<remote_process::Speak> {};
template <>
struct coerce::Codec<remote_process::Visit> : coerce::MemberCodec<remote_process::Visit> {};
template <>
struct coerce::Codec<remote_process::Word>
    : coerce::MemberCodec<remote_process::Word, &remote_process::Word::text> {};
template <>
struct coerce::Codec<remote_process::Number>
    : coerce::MemberCodec<remote_process::Number, &remote_process::Number::value,
                          &remote_process::Number::ballast> {};
template <>
struct coerce::Codec<remote_process::Ask>
    : coerce::MemberCodec<remote_process::Ask, &remote_process::Ask::value> {};
