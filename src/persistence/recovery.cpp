#include <coerce/persistence/detail/recovery.hpp>

#include <fmt/format.h>

#include <coerce/actor/log.hpp>
#include <coerce/actor/system.hpp>
#include <coerce/runtime/sleep.hpp>

#include "persistence/recovery_slots.hpp"
#include "persistence/stopping.hpp"

namespace coerce::detail {

namespace {

using Outcome = tl::expected<void, RecoveryErr>;
using Kind = RecoveryErr::Kind;

tl::unexpected<RecoveryErr> failure(Kind kind, std::string detail) {
  return coerce::unexpected(RecoveryErr(kind, std::move(detail)));
}

std::string what_is_thrown() {
  try {
    throw;
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "something that is no std::exception";
  }
}

/// One recovery, in as many tries as its policy allows. A try goes on where the one before has
/// failed: what the actor has been given is never given again.
class Recovery {
 public:
  Recovery(Recoverable& recoverable, ActorContext& context)
      : recoverable_(recoverable), context_(context) {}

  Task<bool> run() {
    co_await recoverable_.pre_recovery(context_);
    for (std::uint32_t failures = 0;;) {
      auto tried = co_await attempt();
      if (tried) break;
      if (tried.error().kind() == Kind::ActorStopping) co_return false;
      ++failures;
      co_await recoverable_.on_recovery_err(tried.error(), context_);
      if (!may_be_tried_again(tried.error(), failures)) co_return co_await give_up(tried.error());
      const bool waited = co_await sleep_for(recoverable_.policy().retries().delay(failures));
      if (!waited) co_return false;  // asked to stop, which is no failure of the recovery
    }
    recoverable_.opened(std::move(session_));
    co_await recoverable_.post_recovery(context_);
    co_return true;
  }

 private:
  Task<Outcome> attempt() {
    const ActorSystem system = context_.system();
    auto* extension = system.extension<PersistenceExtension>();
    if (extension == nullptr)
      co_return failure(Kind::NotConfigured, "the system was built without with_persistence()");
    const SlotHeld held(slot_);
    slots_ = &extension->recovery_slots();
    slot_ = co_await slots_->take();
    if (!slot_) co_return failure(Kind::ActorStopping, "");
    const Persistence& persistence = extension->persistence();
    if (!session_)
      session_ = std::make_unique<JournalSession>(persistence.storage_of(context_),
                                                  recoverable_.persistence_id(context_));

    auto opened = co_await session_->open(context_);
    if (!opened) co_return coerce::unexpected(RecoveryErr(std::move(opened.error())));
    if (!recoverable_.reads_history(context_)) co_return Outcome();
    auto snapshot = co_await read_snapshot(opened->base);
    if (!snapshot) co_return snapshot;
    co_return co_await read_events(opened->head, persistence.options().read_bytes);
  }

  Task<Outcome> read_snapshot(std::int64_t base) {
    if (at_ >= 0) co_return Outcome();
    const auto found =
        co_await session_->storage().read_latest_snapshot(session_->persistence_id());
    if (!found) co_return coerce::unexpected(RecoveryErr(found.error()));
    if (!*found) {
      at_ = base;
      co_return Outcome();
    }
    const JournalEntry& snapshot = **found;
    if (snapshot.sequence < base || snapshot.sequence > session_->head())
      co_return failure(Kind::Gap, fmt::format("a snapshot of {} in a history from {} to {}",
                                               snapshot.sequence, base, session_->head()));
    auto applied = co_await apply(snapshot, "snapshot");
    if (!applied) co_return applied;
    session_->found_snapshot(snapshot.sequence);
    at_ = snapshot.sequence;
    co_return Outcome();
  }

  Task<Outcome> read_events(std::int64_t head, std::size_t batch_bytes) {
    while (at_ < head) {
      const auto batch = co_await session_->storage().read(session_->persistence_id(), at_ + 1,
                                                           head + 1, batch_bytes);
      if (!batch) co_return coerce::unexpected(RecoveryErr(batch.error()));
      if (batch->empty())
        co_return failure(Kind::Gap, fmt::format("events {} to {} are missing", at_ + 1, head));
      for (const JournalEntry& event : *batch) {
        if (event.sequence != at_ + 1)
          co_return failure(Kind::Gap, fmt::format("event {} is missing, {} comes instead", at_ + 1,
                                                   event.sequence));
        auto applied = co_await apply(event, "event");
        if (!applied) co_return applied;
        at_ = event.sequence;
      }
      co_await yield();
      if (context_.stop_token().stop_requested()) co_return failure(Kind::ActorStopping, "");
    }
    co_return Outcome();
  }

  Task<Outcome> apply(const JournalEntry& entry, std::string_view what) {
    if (!recoverable_.knows(entry.payload_type))
      co_return failure(Kind::UnknownType, fmt::format("{} {} is a '{}', which is not registered",
                                                       what, entry.sequence, entry.payload_type));
    std::string thrown;
    try {
      auto applied = recoverable_.apply(entry, context_);
      if (!applied)
        co_return failure(Kind::Deserialisation,
                          fmt::format("{} {} is no '{}': {}", what, entry.sequence,
                                      entry.payload_type, applied.error().to_string()));
      if (*applied) {
        // It may wait for other actors, which may have to recover first.
        slot_ = RecoverySlots::Slot();
        co_await **applied;
        slot_ = co_await slots_->take();
        if (!slot_) co_return failure(Kind::ActorStopping, "");
      }
      co_return Outcome();
    } catch (...) {
      thrown = what_is_thrown();
    }
    co_return failure(Kind::Rejected, fmt::format("recover() of {} {} ('{}') threw: {}", what,
                                                  entry.sequence, entry.payload_type, thrown));
  }

  bool may_be_tried_again(const RecoveryErr& error, std::uint32_t failures) {
    const RecoveryFailurePolicy policy = recoverable_.policy();
    if (policy.action() != FailureAction::Retry || !error.may_pass() ||
        !policy.retries().allows(failures))
      return false;
    if ((failures & (failures - 1)) == 0)  // 1, 2, 4, 8, ...
      context_.log().warn("recovery failed {} times and is tried again: {}", failures,
                          error.to_string());
    return true;
  }

  Task<bool> give_up(const RecoveryErr& error) {
    co_await recoverable_.on_recovery_failed(context_);
    if (recoverable_.policy().action() == FailureAction::Fail) throw RecoveryFailed(error);
    const std::string why = "recovery failed: " + error.to_string();
    context_.log().error("{}", why);
    stop_failed(context_, why);
    co_return false;
  }

  /// Gives the slot back at the end of a try.
  class SlotHeld {
   public:
    explicit SlotHeld(RecoverySlots::Slot& slot) noexcept : slot_(slot) {}
    SlotHeld(const SlotHeld&) = delete;
    SlotHeld& operator=(const SlotHeld&) = delete;
    ~SlotHeld() { slot_ = RecoverySlots::Slot(); }

   private:
    RecoverySlots::Slot& slot_;
  };

  Recoverable& recoverable_;
  ActorContext& context_;
  RecoverySlots* slots_ = nullptr;
  RecoverySlots::Slot slot_;
  std::unique_ptr<JournalSession> session_;
  std::int64_t at_ = -1;  ///< the sequence up to which the actor has its state; -1: nothing yet
};

}  // namespace

Task<bool> recover(Recoverable& recoverable, ActorContext& context) {
  std::optional<RecoveryErr> unusable;
  try {
    recoverable.configure();
  } catch (const std::exception& error) {
    unusable.emplace(Kind::NotConfigured, error.what());
  }
  if (unusable) throw RecoveryFailed(*unusable);
  Recovery recovery(recoverable, context);
  co_return co_await recovery.run();
}

}  // namespace coerce::detail
