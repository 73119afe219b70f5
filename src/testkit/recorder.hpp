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

/// Keeps the last lines. Draws nothing and asks nobody for an id, so that what is recorded is what
/// happens without it.
class Recorder : public coerce::detail::ChoiceObserver {
 public:
  explicit Recorder(std::size_t most_lines) noexcept : most_lines_(most_lines) {}
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder() override;

  void runs(coerce::detail::Runnable& runnable, std::size_t choices) override;
  void runs_blocking(std::size_t choices) override;
  void fires_timer(std::size_t choices) override;
  void goes_on(coerce::detail::Unit& unit) override;
  void time_goes_on(Duration now);

  std::vector<std::string> lines() const { return {lines_.begin(), lines_.end()}; }
  std::size_t dropped() const noexcept { return dropped_; }

 private:
  void add(std::string line, std::size_t choices);
  std::string name_of(coerce::detail::Cell& cell);

  const std::size_t most_lines_;
  std::deque<std::string> lines_;
  std::size_t dropped_ = 0;
  /// Actors without a name of their own, numbered; their memory is kept, so that no other actor can
  /// have the same address.
  std::unordered_map<coerce::detail::Cell*, std::size_t> numbers_;
};

/// What an actor's next step is about; for its owner.
std::string_view next_message(coerce::detail::Cell& cell);

}  // namespace coerce::testkit::detail
