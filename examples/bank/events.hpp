/// \file
/// What the bank keeps in its journals, and how it is written there.

#pragma once

#include <cstdint>
#include <map>

#include <coerce/codec.hpp>

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

enum class Decision : std::uint8_t { Withdrawn, Refused, Deposited };

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

}  // namespace bank

template <>
inline constexpr coerce::EnumRange coerce::enum_range<bank::Decision>{bank::Decision::Withdrawn,
                                                                      bank::Decision::Deposited};

template <>
struct coerce::Codec<bank::Opened> : coerce::MemberCodec<bank::Opened, &bank::Opened::balance> {};
template <>
struct coerce::Codec<bank::Withdrawn>
    : coerce::MemberCodec<bank::Withdrawn, &bank::Withdrawn::transfer, &bank::Withdrawn::amount> {};
template <>
struct coerce::Codec<bank::Refused>
    : coerce::MemberCodec<bank::Refused, &bank::Refused::transfer, &bank::Refused::amount> {};
template <>
struct coerce::Codec<bank::Deposited>
    : coerce::MemberCodec<bank::Deposited, &bank::Deposited::transfer, &bank::Deposited::amount> {};
template <>
struct coerce::Codec<bank::AccountState>
    : coerce::MemberCodec<bank::AccountState, &bank::AccountState::balance,
                          &bank::AccountState::settled, &bank::AccountState::recent> {};
template <>
struct coerce::Codec<bank::Mark> : coerce::MemberCodec<bank::Mark, &bank::Mark::transfer> {};
