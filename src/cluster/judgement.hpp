/// \file
/// What follows from who hears whom.

#pragma once

#include <map>
#include <set>

#include <coerce/remote/downing.hpp>

#include "cluster/view.hpp"

namespace coerce::detail {

/// Who does not hear whom, by the rows that the members tell.
using Rows = std::map<NodeId, std::set<NodeId>>;

enum class Verdict : std::uint8_t {
  Continue,    ///< these decide
  NewLineage,  ///< these go on although others may as well: all of them have to agree to it
  Stop,        ///< these must not go on
};

/// The members that go on together: those that this node hears, less the fewest without which all
/// of them hear each other. Of as many members the younger ones are left out.
std::set<NodeId> full_mesh(const View& view, NodeId self, const Rows& rows);

/// May these members of the view go on without the others, of whom `dead` will certainly never say
/// anything again?
Verdict judge(const Downing& downing, const View& view, const std::set<NodeId>& going_on,
              const std::set<NodeId>& dead);

}  // namespace coerce::detail
