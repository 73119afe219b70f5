/// \file
/// Questions to an actor that cannot be taken back.

#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include <coerce/actor/detail/cell_ref.hpp>

#include "remote/node_world.hpp"

namespace coerce::detail {

/// Who waits for the end of an actor, or for its status, cannot walk away, and the answer may never
/// come. So a task of its own waits, one for each actor however many ask, and those who ask wait
/// for that task as long as they may. Who asks while a question is open gets the answer to that
/// one.
///
/// Bounded by the actors that do not answer; thread-safe. Its tasks refer to it: it lives as long
/// as the node.
template <class T>
class SharedAnswers {
 public:
  using Ask = Task<Result<T>> (*)(CellRef cell);

  SharedAnswers(NodeWorld& world, Ask ask) noexcept : world_(world), ask_(ask) {}

  /// Errors besides the answer's: Timeout, Cancelled, Overloaded (the system runs as many tasks as
  /// it may).
  Task<Result<T>> of(CellRef cell, Duration limit) {
    const QuestionRef question = open(std::move(cell));
    if (!question)
      co_return coerce::unexpected(
          ActorRefErr::Overloaded("the system runs as many tasks as it may"));
    auto waiting = pause_unless(question->is_answered, limit);
    const bool is_late = co_await waiting;
    if (question->is_answered.is_set()) co_return question->answer;
    co_return coerce::unexpected(is_late ? ActorRefErr::Timeout(limit) : ActorRefErr::Cancelled());
  }

 private:
  struct Question {
    AsyncEvent is_answered;
    Result<T> answer;
  };
  using QuestionRef = std::shared_ptr<Question>;

  QuestionRef open(CellRef cell) {
    const std::uint64_t context = cell->context_id();
    const std::lock_guard guard(mutex_);
    const auto [place, is_new] = questions_.try_emplace(context);
    if (!is_new) return place->second;
    auto question = std::make_shared<Question>();
    place->second = question;
    if (world_.spawn(await_answer(*this, std::move(cell), question))) return question;
    questions_.erase(context);
    return nullptr;
  }

  static Task<void> await_answer(SharedAnswers& self, CellRef cell, QuestionRef question) {
    const std::uint64_t context = cell->context_id();
    auto asking = self.ask_(std::move(cell));
    auto answer = co_await asking;
    question->answer = std::move(answer);
    {
      const std::lock_guard guard(self.mutex_);
      self.questions_.erase(context);
    }
    question->is_answered.set();
  }

  NodeWorld& world_;
  const Ask ask_;
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, QuestionRef> questions_;  ///< by the context of the actor
};

}  // namespace coerce::detail
