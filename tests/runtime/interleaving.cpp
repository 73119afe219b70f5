#include "interleaving.hpp"

#include "interleaving_fiber.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <unordered_map>
#include <utility>

namespace coerce::interleaving {

namespace {

constexpr int kMaxThreads = 4;
constexpr std::size_t kMaxWords = 128;
constexpr std::size_t kMaxSteps = 1000;

// Not symmetric: a position and a result that are equal must not cancel each other.
constexpr std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  value = (value + 0x9e3779b97f4a7c15U) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 32U)) * 0x94d049bb133111ebU;
  hash = (std::rotl(hash, 23) ^ value) * 0x9fb21c651e98df25U;
  return hash ^ (hash >> 29U);
}

class Engine {
 public:
  explicit Engine(Program& program) : program_(program), thread_count_(program.threads()) {
    if (thread_count_ > kMaxThreads) throw std::length_error("too many model threads");
    active_ = this;
    for (int id = 0; id < thread_count_; ++id)
      threads_[index(id)].fiber = std::make_unique<Fiber>(&enter);
  }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine() { active_ = nullptr; }

  static Engine& active() { return *active_; }

  Exploration explore(Merge merge) {
    merging_ = merge == Merge::EqualStates;
    do run();
    while (exploration_.failure.empty() && backtrack());
    return std::move(exploration_);
  }

  Exploration replay(const Schedule& schedule) {
    for (const int id : schedule) choices_.push_back({.thread = id});
    follow_only_ = true;
    run();
    return std::move(exploration_);
  }

  // For atomics and scenarios.

  std::uint32_t add_word(std::uint64_t value) {
    if (word_count_ == kMaxWords) throw std::length_error("too many model atomics");
    words_[word_count_] = value;
    return static_cast<std::uint32_t>(word_count_++);
  }

  std::uint64_t& word(std::uint32_t word) { return words_[word]; }

  void begin_step() {
    if (running_ != kController && !std::exchange(threads_[index(running_)].step_granted, false)) {
      const int self = running_;
      const int next = choose();
      if (next == kNobody) fail(kStuck);
      if (next != self) resume(next);
      threads_[index(self)].waiting = false;
    }
  }

  void end_step(std::uint32_t word, std::uint64_t observed) {
    if (running_ == kController) return;
    Thread& self = threads_[index(running_)];
    self.last_word = word;
    self.history = mix(mix(self.history, observed), plain_hash());
  }

  void observe(std::uint64_t value) {
    if (running_ == kController) return;
    Thread& self = threads_[index(running_)];
    self.history = mix(self.history, value);
  }

  void wait_for_change() {
    Thread& self = threads_[index(running_)];
    self.waiting = true;
    self.seen = words_[self.last_word];
  }

  void at(int position) {
    threads_[index(running_)].history = mix(static_cast<std::uint64_t>(position), plain_hash());
  }

  void fail(const char* promise) {
    if (!exploration_.failure.empty()) return;
    exploration_.failure = promise;
    exploration_.schedule = trace_;
    if (running_ == kController) return;
    Fiber& left = *threads_[index(running_)].fiber;
    running_ = kController;
    left.switch_to(controller_);  // for ever
  }

 private:
  static constexpr int kController = -1;
  static constexpr int kNobody = -2;

  struct Thread {
    std::unique_ptr<Fiber> fiber;
    std::uint64_t history = 0;  ///< a hash of all it has observed
    std::uint64_t seen = 0;     ///< if it waits: for `last_word` to differ from this
    std::uint32_t last_word = 0;
    bool waiting = false;
    bool finished = false;
    bool step_granted = false;  ///< chosen to begin, so its first operation needs no choice
  };

  struct Choice {
    int thread = 0;
    unsigned untried = 0;  ///< threads, as bits
    std::uint64_t state = 0;
    double interleavings = 0;
  };

  static std::size_t index(int id) { return static_cast<std::size_t>(id); }

  static void enter() {
    Fiber::arrived();
    active_->thread_main(active_->running_);
  }

  // A fiber serves all runs. One that runs no thread stands in resume(), called from here.
  [[noreturn]] void thread_main(int id) {
    for (;;) {
      Thread& self = threads_[index(id)];
      self.history = mix(index(id), plain_hash());
      program_.thread(id);
      self.finished = true;
      const int next = choose();
      bool all_finished = true;
      for (int other = 0; other < thread_count_; ++other)
        all_finished = all_finished && threads_[index(other)].finished;
      if (next == kNobody && !all_finished) fail(kStuck);
      resume(next == kNobody ? kController : next);
    }
  }

  void resume(int next) {
    Fiber& left = *threads_[index(running_)].fiber;
    running_ = next;
    left.switch_to(next == kController ? controller_ : *threads_[index(next)].fiber);
  }

  /// One run: along the choices made so far, then along new ones.
  void run() {
    word_count_ = 0;
    trace_.clear();
    drain_ = false;
    behind_ = 1;
    for (int id = 0; id < thread_count_; ++id) {
      Thread& thread = threads_[index(id)];
      thread.waiting = thread.finished = false;
      thread.step_granted = true;
    }
    running_ = kController;
    std::ranges::fill(program_.memory(), std::byte{});  // padding is hashed as well
    program_.reset();
    running_ = choose();
    controller_.switch_to(*threads_[index(running_)].fiber);
    if (exploration_.failure.empty()) program_.at_end();
    ++exploration_.runs;
    exploration_.longest = std::max(exploration_.longest, trace_.size());
  }

  /// The thread that takes the next step.
  int choose() {
    unsigned able = 0;
    for (int id = 0; id < thread_count_; ++id) {
      const Thread& thread = threads_[index(id)];
      if (!thread.finished && (!thread.waiting || words_[thread.last_word] != thread.seen))
        able |= 1U << id;
    }
    if (able == 0) return kNobody;
    if (trace_.size() == kMaxSteps) fail("endless: a run has too many steps");
    // The same thread again if possible: no switch of stacks.
    int next = running_;
    if (next < 0 || (able >> next & 1U) == 0) next = __builtin_ctz(able);
    const std::size_t depth = trace_.size();
    if (depth < choices_.size()) {
      next = choices_[depth].thread;
      if ((able >> next & 1U) == 0) fail("not replayable: the scheduled thread has no step");
    } else if (!drain_ && !follow_only_) {
      choose_new(next, able);
    }
    trace_.push_back(next);
    return next;
  }

  void choose_new(int next, unsigned able) {
    Choice choice{.thread = next, .untried = able & ~(1U << next)};
    if (merging_ && choice.untried != 0) {
      choice.state = state();
      if (const auto known = known_.find(choice.state); known != known_.end()) {
        behind_ = known->second;
        drain_ = true;  // to its end, so that no fiber is left in the middle
        return;
      }
    }
    choices_.push_back(choice);
  }

  /// To the last choice that has an alternative. False: everything has been explored.
  bool backtrack() {
    double interleavings = behind_;
    while (!choices_.empty()) {
      Choice& last = choices_.back();
      last.interleavings += interleavings;
      if (last.untried != 0) {
        last.thread = __builtin_ctz(last.untried);
        last.untried &= last.untried - 1;
        return true;
      }
      interleavings = last.interleavings;
      if (last.state != 0) known_.emplace(last.state, interleavings);
      choices_.pop_back();
    }
    exploration_.interleavings = interleavings;
    return false;
  }

  std::uint64_t plain_hash() const {
    std::uint64_t hash = 0;
    const std::span<const std::byte> memory = program_.memory();
    for (std::size_t offset = 0; offset < memory.size(); offset += sizeof hash) {
      std::uint64_t word = 0;
      std::memcpy(&word, &memory[offset], sizeof word);
      hash = mix(hash, word);
    }
    return hash;
  }

  std::uint64_t state() const {
    std::uint64_t hash = plain_hash();
    for (std::size_t i = 0; i < word_count_; ++i) hash = mix(hash, words_[i]);
    for (int id = 0; id < thread_count_; ++id) {
      const Thread& thread = threads_[index(id)];
      hash = mix(hash, thread.finished || thread.step_granted ? thread.finished : thread.history);
    }
    return hash | 1;
  }

  static inline Engine* active_ = nullptr;

  Program& program_;
  const int thread_count_;
  Fiber controller_;
  std::array<Thread, kMaxThreads> threads_;
  std::array<std::uint64_t, kMaxWords> words_{};
  std::size_t word_count_ = 0;
  int running_ = kController;

  bool merging_ = true;
  bool follow_only_ = false;
  bool drain_ = false;
  double behind_ =
      1;  ///< interleavings at the end of this run: more than one if it met a known state
  Schedule trace_;
  std::vector<Choice> choices_;
  std::unordered_map<std::uint64_t, double> known_;
  Exploration exploration_;
};

}  // namespace

Exploration explore(Program& program, Merge merge) {
  return std::make_unique<Engine>(program)->explore(merge);
}

Exploration replay(Program& program, const Schedule& schedule) {
  return std::make_unique<Engine>(program)->replay(schedule);
}

void check(bool holds, const char* promise) {
  if (!holds) Engine::active().fail(promise);
}

namespace model {
std::uint32_t add_word(std::uint64_t value) { return Engine::active().add_word(value); }
std::uint64_t& word(std::uint32_t index) { return Engine::active().word(index); }
void begin_step() { Engine::active().begin_step(); }
void end_step(std::uint32_t word, std::uint64_t observed) {
  Engine::active().end_step(word, observed);
}
void observe(std::uint64_t value) { Engine::active().observe(value); }
void wait_for_change() { Engine::active().wait_for_change(); }
void at(int position) { Engine::active().at(position); }
}  // namespace model

std::string Exploration::describe() const {
  if (failure.empty()) return "holds";
  std::string text = failure + "; threads by step:";
  for (const int id : schedule) text += ' ' + std::to_string(id);
  return text;
}

void report(const char* what, const Exploration& exploration) {
  std::printf("interleavings: %s: %.9g explored in %zu runs of at most %zu steps: %s\n", what,
              exploration.interleavings, exploration.runs, exploration.longest,
              exploration.describe().c_str());
}

}  // namespace coerce::interleaving
