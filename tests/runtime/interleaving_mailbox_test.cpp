#include <coerce/runtime/detail/mailbox.hpp>

#include "interleaving.hpp"

#include <catch2/catch.hpp>
#include <cstdint>

namespace coerce::interleaving::mailbox {

using detail::LanePush;
using detail::MailboxLane;

struct Message {
  ModelAtomic<Message*> next;
  std::uint8_t producer = 0;
  std::uint8_t number = 0;  // of its producer, from 1
  Ghost<bool> settled;      // handled or rejected
};

template <class Lane, int Producers, int Messages>
struct Actor {
  Actor() noexcept {
    for (std::uint8_t producer = 0; producer < Producers; ++producer)
      for (std::uint8_t i = 0; i < Messages; ++i) {
        messages[producer][i].producer = producer;
        messages[producer][i].number = static_cast<std::uint8_t>(i + 1);
      }
  }

  void own() {
    check(!owned, "one owner at a time");
    owned = true;
  }
  // In the same step as the operation that gave the ownership away.
  void disown() {
    check(owned, "only the owner gives up ownership");
    owned = false;
  }
  void settle(Message& message) {
    check(!message.settled, "each message is settled once");
    check(newest[message.producer] == message.number - 1, "the order of a producer is kept");
    message.settled = true;
    newest[message.producer] = message.number;
    ++settled;
  }
  void check_all_settled() const {
    check(settled == Producers * Messages, "each message is settled");
    check(!owned, "nobody owns the actor");
  }

  Lane lane;
  Message messages[Producers][Messages];
  Ghost<int> newest[Producers];
  Ghost<int> settled;
  Ghost<bool> owned;
};

/// Whoever becomes the owner runs the actor at once.
template <class Lane, int Producers, int Messages>
struct PushersRun : Actor<Lane, Producers, Messages> {
  static constexpr int kThreads = Producers;

  void thread(int id) {
    for (Message& message : this->messages[id]) {
      model::at(message.number);
      if (this->lane.push(&message) == LanePush::BecameOwner) run(message.number);
    }
  }
  void run(int position) {
    this->own();
    for (bool more = true; more;) {
      model::at(-position);
      Message& front = *this->lane.front();
      this->settle(front);
      more = this->lane.pop_or_idle() != nullptr;
      front.next.retire();
    }
    this->disown();
  }
  void at_end() {
    this->check_all_settled();
    check(this->lane.is_idle(), "the lane is idle");
  }
};

/// Whoever becomes the owner schedules the actor; a worker runs it.
template <class Lane, int Producers, int Messages>
struct WorkerRuns : Actor<Lane, Producers, Messages> {
  static constexpr int kThreads = Producers + 1;

  void thread(int id) {
    if (id == Producers) return work();
    for (Message& message : this->messages[id]) {
      model::at(message.number);
      if (this->lane.push(&message) == LanePush::BecameOwner) {
        this->own();
        scheduled.fetch_add(1);
      }
    }
  }
  void work() {
    for (int handled = 0; handled < Producers * Messages;) {
      model::at(handled);
      for (unsigned spins = 0; scheduled.load() == 0;) ModelAtomics::wait_step(spins);
      check(scheduled.fetch_sub(1) == 1, "the actor is scheduled once");
      do {
        model::at(-++handled);
        this->settle(*this->lane.front());
      } while (this->lane.pop_or_idle() != nullptr);
      this->disown();
    }
  }
  void at_end() {
    this->check_all_settled();
    check(this->lane.is_idle(), "the lane is idle");
  }

  ModelAtomic<int> scheduled;
};

/// The actor ends when it handles message `StopAt` of producer 0.
template <class Lane, int Producers, int Messages, int StopAt>
struct Closing : Actor<Lane, Producers, Messages> {
  static constexpr int kThreads = Producers;

  void thread(int id) {
    for (Message& message : this->messages[id]) {
      model::at(message.number);
      const LanePush pushed = this->lane.push(&message);
      if (pushed == LanePush::Queued) continue;
      this->own();
      if (pushed == LanePush::BecameOwner)
        run(message.number);
      else
        reject_late();
      this->disown();
    }
  }
  void run(int position) {
    for (;;) {
      model::at(-position);
      check(!closing, "nothing is handled after the end");
      Message& front = *this->lane.front();
      if (front.producer == 0 && front.number == StopAt) return close(position);
      this->settle(front);
      const bool more = this->lane.pop_or_idle() != nullptr;
      front.next.retire();
      if (!more) return;
    }
  }
  void close(int position) {
    closing = true;
    for (bool more = true; more;) {
      model::at(-position - Messages);
      Message& rejected = *this->lane.front();
      more = this->lane.pop_or_close() != nullptr;
      reject(rejected);
    }
  }
  void reject_late() {
    check(closing, "only a lane that was closed refuses");
    this->lane.reject_closed([this](Message* rejected) { reject(*rejected); });
  }
  void reject(Message& message) {
    this->settle(message);
    message.next.retire();
  }
  void at_end() {
    this->check_all_settled();
    check(this->lane.is_closed(), "the lane is closed");
  }

  Ghost<bool> closing;
};

/// Planted bug: a strong compare-exchange that overwrites whatever it finds.
struct OverwritingExchange : ModelAtomics {
  template <class T>
  struct Atomic : ModelAtomic<T> {
    using ModelAtomic<T>::ModelAtomic;
    bool compare_exchange_strong(T&, T desired, std::memory_order, std::memory_order) noexcept {
      this->store(desired);
      return true;
    }
  };
};

using Lane = MailboxLane<Message, ModelAtomics>;
using PushInTwoSteps = MailboxLane<Message, SplitExchange>;
using IdleByStore = MailboxLane<Message, OverwritingExchange>;

TEST_CASE("merging equal states loses no interleaving of a mailbox", "[interleaving][mailbox]") {
  require_merging_to_be_exact<PushersRun<Lane, 2, 2>>();
  require_merging_to_be_exact<PushersRun<Lane, 3, 1>>();
  require_merging_to_be_exact<Closing<Lane, 2, 2, 1>>();
  require_merging_to_be_exact<WorkerRuns<Lane, 1, 3>>();
}

TEST_CASE("an actor run by its pushers handles every message once, in order, one owner at a time",
          "[interleaving][mailbox]") {
  require_holds<PushersRun<Lane, 2, 2>>("2 producers of 2 messages");
  require_holds<PushersRun<Lane, 2, 3>>("2 producers of 3 messages");
  require_holds<PushersRun<Lane, 3, 1>>("3 producers of 1 message");
  if (kThorough) require_holds<PushersRun<Lane, 3, 2>>("3 producers of 2 messages");
}

TEST_CASE("an actor run by a worker is scheduled once whenever it has messages",
          "[interleaving][mailbox]") {
  require_holds<WorkerRuns<Lane, 1, 3>>("1 producer of 3 messages and a worker");
  require_holds<WorkerRuns<Lane, 2, 2>>("2 producers of 2 messages and a worker");
  require_holds<WorkerRuns<Lane, 3, 1>>("3 producers of 1 message and a worker");
}

TEST_CASE("a message that races the end of its actor is handled or rejected, once",
          "[interleaving][mailbox]") {
  require_holds<Closing<Lane, 2, 2, 1>>("2 producers of 2 messages, the first ends the actor");
  require_holds<Closing<Lane, 2, 2, 2>>("2 producers of 2 messages, the last ends the actor");
  require_holds<Closing<Lane, 3, 1, 1>>("3 producers of 1 message, the first ends the actor");
  require_holds<Closing<Lane, 2, 3, 2>>("2 producers of 3 messages, the second ends the actor");
}

TEST_CASE("planted bug: a push that loads and stores instead of exchanging loses a wake-up",
          "[interleaving][mailbox]") {
  require_found<WorkerRuns<PushInTwoSteps, 1, 2>>("push in two steps", kStuck);
  require_found<PushersRun<PushInTwoSteps, 2, 1>>("push in two steps, by 2 producers", kUsedLate);
}

TEST_CASE("planted bug: a lane that becomes idle by a store loses a wake-up",
          "[interleaving][mailbox]") {
  require_found<WorkerRuns<IdleByStore, 1, 2>>("idle by a store", kStuck);
  require_found<PushersRun<IdleByStore, 2, 1>>("idle by a store, by 2 producers",
                                               "each message is settled");
}

}  // namespace coerce::interleaving::mailbox
