#include "testkit/recorder.hpp"

#include <fmt/format.h>

#include <coerce/runtime/scheduler.hpp>
#include <coerce/testkit/detail/probe_actor.hpp>

namespace coerce::testkit::detail {

using coerce::detail::Cell;
using coerce::detail::Op;
using coerce::detail::Runnable;
using coerce::detail::Unit;

namespace {

constexpr std::size_t kMostNumbered = 10'000;

/// A drawn id says nothing to people.
bool is_uuid(std::string_view id) noexcept {
  return id.size() == 36 && id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-';
}

}  // namespace

std::string words(Duration duration) {
  const auto count = duration.count();
  if (count % 1'000'000'000 == 0) return fmt::format("{} s", count / 1'000'000'000);
  if (count % 1'000'000 == 0) return fmt::format("{} ms", count / 1'000'000);
  return fmt::format("{} ns", count);
}

std::string_view next_message(Cell& cell) {
  std::string_view name;
  coerce::detail::Envelope& front = *cell.lane.front();
  front.op(front, cell, Op::Name, &name);
  return name.empty() ? "system message" : name;
}

Recorder::~Recorder() {
  for (const auto& [cell, number] : numbers_) cell->release_memory();
}

void Trace::add(std::string line) {
  if (lines_.size() == most_lines_) {
    ++dropped_;
    if (most_lines_ == 0) return;
    lines_.pop_front();
  }
  lines_.push_back(std::move(line));
}

std::string Trace::text() const {
  std::string text;
  for (const std::string& line : lines_) text += "\n  " + line;
  return text;
}

void Recorder::add(std::string line, std::size_t choices) {
  line.insert(0, prefix_);
  if (choices > 1) line += fmt::format("  (1 of {})", choices);
  trace_->add(std::move(line));
}

std::string Recorder::name_of(Cell& cell) {
  const auto* id = cell.id_text.load(std::memory_order_acquire);
  if (id != nullptr && !is_uuid(id->view())) return fmt::format("{}", id->view());
  if (const auto place = numbers_.find(&cell); place != numbers_.end())
    return fmt::format("{} #{}", cell.type->name, place->second);
  if (numbers_.size() == kMostNumbered) return std::string(cell.type->name);
  const std::size_t number = numbers_.size() + 1;
  numbers_.emplace(&cell, number);
  cell.retain_memory();
  return fmt::format("{} #{}", cell.type->name, number);
}

void Recorder::runs(Runnable& runnable, std::size_t choices) {
  if (Cell* cell = coerce::detail::as_cell(static_cast<Unit&>(runnable))) {
    add(fmt::format("{}: {}{}", name_of(*cell), cell->activity ? "goes on with " : "",
                    next_message(*cell)),
        choices);
  } else if (runnable.run == &coerce::detail::TaskUnit::run_unit) {
    add("a task", choices);
  } else {
    add("a step of the library", choices);
  }
}

void Recorder::runs_blocking(std::size_t choices) { add("blocking work", choices); }
void Recorder::fires_timer(std::size_t choices) { add("a timer", choices); }

void Recorder::goes_on(Unit& unit) {
  auto& cell = static_cast<Cell&>(unit);  // no other unit counts its messages
  add(fmt::format("{}: {}, in the same turn", name_of(cell), next_message(cell)), 1);
}

void Recorder::time_goes_on(Duration now) { add("-- " + words(now), 1); }

}  // namespace coerce::testkit::detail
