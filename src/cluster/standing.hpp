/// \file
/// What a node tells others of its place in the cluster.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include <coerce/codec/bytes.hpp>

#include "cluster/agreement.hpp"

namespace coerce::detail {

enum class Leaving : std::uint8_t {
  No = 0,
  HandsOver = 1,  ///< takes nothing new
  Ready = 2,      ///< may be removed
};

/// Said whole each time, so that it does not matter whether an earlier one has come.
struct Standing {
  Lineage lineage;           ///< none: in no cluster
  std::uint64_t number = 0;  ///< of its view
  std::uint64_t serial = 0;  ///< grows with each one of the sender's
  std::optional<View> view;
  std::vector<NodeName> ended;
  std::vector<NodeId> unreachable;
  std::vector<NodeId> reached;
  std::string candidate;
  Leaving leaving = Leaving::No;
  std::vector<AgreementMessage> agreement;
  std::optional<View> founding;
  Lineage founded;
  std::uint64_t asked_at = 0;  ///< by the sender's clock: it asks for the right to act
  std::uint64_t allowed = 0;   ///< the latest asked_at of the receiver's, if it may act; else 0
};

/// Longest text that is taken: views beyond it are never proposed.
inline constexpr std::size_t kMaxViewBytes = std::size_t{192} * 1024;
inline constexpr std::size_t kMaxEndedTold = 256;

Bytes encode_standing(const Standing& standing);
/// None: that is none, or there is a view in it that is none.
std::optional<Standing> decode_standing(BytesView bytes);
/// As it travels.
std::size_t bytes_of(const View& view);

}  // namespace coerce::detail
