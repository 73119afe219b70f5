#include <coerce/actor/describe.hpp>

#include <coerce/actor/detail/foreign.hpp>
#include <coerce/runtime/when.hpp>

#include "actor/snapshot.hpp"
#include "actor/system_core.hpp"

namespace coerce {

namespace detail {

Task<DescribeResult> describe_cell(CellRef cell, DescribeOptions options, std::size_t depth) {
  if (ForeignCell* foreign = as_foreign(*cell))
    co_return co_await foreign->port->describe(std::move(cell), options);
  SchedulerCore& scheduler = *cell->scheduler;
  const TimePoint began = now(scheduler);
  const bool with_children = depth < options.max_depth;
  const TakeSnapshot question(with_children ? options.max_children : 0, options.attached);
  SnapshotAwaiter awaiter(*cell, question, options.child_timeout);
  Result<Snapshot> answered = co_await awaiter;
  if (!answered) co_return DescribeResult(cell->id(), cell->full_path(), answered.error());
  ActorDescription description = std::move(answered->self);
  std::vector<Task<DescribeResult>> children;
  children.reserve(answered->children.size());
  for (CellRef& child : answered->children)
    children.push_back(describe_cell(std::move(child), options, depth + 1));
  description.supervised = co_await when_all(std::move(children));
  description.time_taken = now(scheduler) - began;
  co_return DescribeResult(std::move(description));
}

namespace {

Task<std::vector<DescribeResult>> describe_cells(std::vector<CellRef> cells,
                                                 DescribeOptions options) {
  std::vector<Task<DescribeResult>> tasks;
  tasks.reserve(cells.size());
  for (CellRef& cell : cells) tasks.push_back(describe_cell(std::move(cell), options, 0));
  co_return co_await when_all(std::move(tasks));
}

}  // namespace
}  // namespace detail

Task<std::vector<DescribeResult>> ActorSystem::describe_all(DescribeOptions options) const {
  return detail::describe_cells(core_->registry().all(), options);
}

}  // namespace coerce
