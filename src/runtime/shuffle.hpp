/// \file
/// The order of a caller-driven scheduler that draws every choice from its seed.

#pragma once

#include <cstddef>
#include <vector>

#include <coerce/runtime/blocking.hpp>
#include <coerce/runtime/rng.hpp>

namespace coerce::detail {

/// Is told what a shuffled scheduler has chosen, before it happens. It must draw nothing from the
/// scheduler's generator, or what it sees is not what happens without it.
class ChoiceObserver {
 public:
  virtual ~ChoiceObserver() = default;
  /// One of `choices` things that could have happened.
  virtual void runs(Runnable& runnable, std::size_t choices) = 0;
  virtual void runs_blocking(std::size_t choices) = 0;
  virtual void fires_timer(std::size_t choices) = 0;
  /// The unit that runs handles one more message in its turn.
  virtual void goes_on(Unit& unit) = 0;
};

/// What could happen next, and the draw of what does. Used by the driving thread alone.
///
/// Nothing in it depends on addresses: things stand in the order in which they became possible.
class Shuffle {
 public:
  Shuffle(Rng& rng, unsigned budget) noexcept : rng_(rng), budget_(budget) {}

  void add_ready(Runnable& runnable) { ready_.push_back(&runnable); }
  void add_blocking(BlockingJob& job) { jobs_.push_back(&job); }

  enum class Kind : std::uint8_t { Nothing, Runnable, Timer, Done };
  struct Choice {
    Kind kind;
    Runnable* runnable = nullptr;
    std::size_t timer = 0;  ///< which of those that are due
  };
  /// Draws what happens next; blocking work is done at once.
  Choice choose(std::size_t due_timers);

  /// Draws nothing: does the present turn go on with one more message?
  bool goes_on();

  void observe(ChoiceObserver* observer) noexcept { observer_ = observer; }

 private:
  enum class Manner : std::uint8_t { Any, Oldest, Newest };

  std::size_t draw(std::size_t count) noexcept;
  std::uint64_t draw_length(unsigned longest) noexcept;

  Rng& rng_;
  const unsigned budget_;
  std::vector<Runnable*> ready_;
  std::vector<BlockingJob*> jobs_;
  Manner manner_ = Manner::Any;
  std::uint64_t manner_left_ = 0;  ///< choices
  std::uint64_t turn_left_ = 0;    ///< messages
  ChoiceObserver* observer_ = nullptr;
};

}  // namespace coerce::detail
