/// \file
/// What few actors need, kept out of the cell.

#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <coerce/actor/detail/cell.hpp>
#include <coerce/actor/detail/ownership.hpp>
#include <coerce/actor/detail/start.hpp>

#include "actor/cell_set.hpp"
#include "actor/mailbox_bound.hpp"
#include "actor/receive_timeout.hpp"
#include "actor/stash.hpp"
#include "actor/supervision_state.hpp"

namespace coerce::detail {

/// A child that has ended, until its parent has dealt with it.
struct EndedChild {
  ChildStopped event;
  SharedError escalated;  ///< what makes the parent fail in turn; null nearly always
};

struct ActorTask;

struct CellExtras {
  /// Does something run that ends before the actor does?
  bool has_dependents() const noexcept { return children != nullptr || tasks != nullptr; }

  std::vector<std::string> tags;
  std::optional<Epoch> given_epoch;      ///< that the actor was started with
  std::optional<Epoch> noted_epoch;      ///< of what it has opened
  std::shared_ptr<Ownership> ownership;  ///< without which it must not act; null nearly always
  std::string stop_detail;
  StartEnvelope* failed_start = nullptr;  ///< answered when the actor has ended
  Completion failed_start_completion = Completion::Static;

  Cell* children = nullptr;  ///< newest first
  std::size_t child_count = 0;
  /// Children by id, once there are many.
  std::unordered_map<std::string_view, Cell*> child_index;
  std::deque<EndedChild> ended_children;
  std::optional<ChildStopped> hook_child;  ///< whose hook runs

  ActorTask* tasks = nullptr;  ///< beside the actor, newest first
  std::size_t task_count = 0;

  std::optional<Supervision> supervision;  ///< of an actor with a strategy or a factory of its own
  SharedError escalated;                   ///< for the parent, when this actor has ended

  std::unique_ptr<MailboxBound> bound;  ///< set before the cell is known, if at all
  Stash stash;
  std::optional<StopSource> stop_source;             ///< once somebody has asked for the token
  std::unique_ptr<InactivityTimer> receive_timeout;  ///< null until it is set for the first time

  CellSet attached;     ///< actors that are asked to stop with this one although another made them
  CellSet attached_to;  ///< whose attached children this one is
  CellSet watching;     ///< actors whose end this one wants to know
  CellSet watchers;     ///< who wants to know the end of this one
};

}  // namespace coerce::detail
