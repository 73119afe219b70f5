/// \file
/// Writes down what a shuffled system does, as lines for people.

#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <coerce/actor/detail/cell.hpp>

#include "runtime/shuffle.hpp"

namespace coerce::testkit::detail {

/// The last lines of what happened.
class Trace {
 public:
  explicit Trace(std::size_t most_lines) noexcept : most_lines_(most_lines) {}

  void add(std::string line);
  std::vector<std::string> lines() const { return {lines_.begin(), lines_.end()}; }
  std::size_t dropped() const noexcept { return dropped_; }
  /// All in one, each on a line of its own.
  std::string text() const;

 private:
  const std::size_t most_lines_;
  std::deque<std::string> lines_;
  std::size_t dropped_ = 0;
};

/// Puts into a trace what one system does. Draws nothing and asks nobody for an id, so that what is
/// recorded is what happens without it.
class Recorder : public coerce::detail::ChoiceObserver {
 public:
  /// Every line begins with `prefix`.
  explicit Recorder(Trace& trace, std::string prefix = {}) noexcept
      : trace_(&trace), prefix_(std::move(prefix)) {}
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder() override;

  void runs(coerce::detail::Runnable& runnable, std::size_t choices) override;
  void runs_blocking(std::size_t choices) override;
  void fires_timer(std::size_t choices) override;
  void goes_on(coerce::detail::Unit& unit) override;
  void time_goes_on(Duration now);

  /// From now on into another one.
  void write_to(Trace& trace) noexcept { trace_ = &trace; }

 private:
  void add(std::string line, std::size_t choices);
  std::string name_of(coerce::detail::Cell& cell);

  Trace* trace_;
  const std::string prefix_;
  /// Actors without a name of their own, numbered; their memory is kept, so that no other actor can
  /// have the same address.
  std::unordered_map<coerce::detail::Cell*, std::size_t> numbers_;
};

/// What an actor's next step is about; for its owner.
std::string_view next_message(coerce::detail::Cell& cell);

}  // namespace coerce::testkit::detail
