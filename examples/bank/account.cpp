#include "account.hpp"

#include <optional>

#include <fmt/format.h>

#include "transfers.hpp"

namespace bank {

namespace {

constexpr std::int64_t events_between_snapshots = 64;

tl::unexpected<coerce::ActorRefErr> failed(const coerce::PersistErr& error) {
  return coerce::unexpected(coerce::ActorRefErr::HandlerFailed(error.to_string()));
}

}  // namespace

void Account::configure(coerce::JournalTypes<Account>& types) {
  types.message<Opened>("Opened")
      .message<Withdrawn>("Withdrawn")
      .message<Refused>("Refused")
      .message<Deposited>("Deposited")
      .snapshot<AccountState>("AccountState");
}

coerce::Task<void> Account::started(coerce::ActorContext& ctx) {
  if (last_sequence_id(ctx) > 0) co_return;
  const auto opened = co_await persist(Opened{opening_balance}, ctx);
  if (!opened) throw coerce::PersistFailed(opened.error());
  state_.balance = opening_balance;
}

coerce::Task<coerce::Result<Decision>> Account::handle(Withdraw message,
                                                       coerce::ActorContext& ctx) {
  const auto before = decided(message.transfer, message.settled);
  if (!before) co_return coerce::unexpected(before.error());
  if (*before) co_return **before;

  if (state_.balance < message.amount) {
    const auto refused = co_await write(Refused{message.transfer, message.amount}, ctx);
    if (!refused) co_return coerce::unexpected(refused.error());
    co_return Decision::Refused;
  }
  const auto withdrawn = co_await write(Withdrawn{message.transfer, message.amount}, ctx);
  if (!withdrawn) co_return coerce::unexpected(withdrawn.error());
  co_return Decision::Withdrawn;
}

coerce::Task<coerce::Result<void>> Account::handle(Deposit message, coerce::ActorContext& ctx) {
  const auto before = decided(message.transfer, message.settled);
  if (!before) co_return coerce::unexpected(before.error());
  if (*before) co_return coerce::Result<void>();
  co_return co_await write(Deposited{message.transfer, message.amount}, ctx);
}

coerce::Result<std::optional<Decision>> Account::decided(std::int64_t transfer,
                                                         std::int64_t settled) {
  if (settled > state_.settled) {
    state_.settled = settled;
    state_.recent.erase(state_.recent.begin(), state_.recent.upper_bound(settled));
  }
  if (transfer <= state_.settled)
    return coerce::unexpected(coerce::ActorRefErr::HandlerFailed(
        fmt::format("transfer {} is settled, and comes again", transfer)));
  if (const auto found = state_.recent.find(transfer); found != state_.recent.end())
    return found->second;
  if (state_.recent.size() >= max_batch)
    return coerce::unexpected(
        coerce::ActorRefErr::Overloaded("more transfers are under way than an account remembers"));
  return std::nullopt;
}

/// The state changes when the event is in the journal, not before.
template <class Event>
coerce::Task<coerce::Result<void>> Account::write(Event event, coerce::ActorContext& ctx) {
  const auto written = co_await persist(event, ctx);
  if (!written) co_return failed(written.error());
  apply(event);
  if (last_sequence_id(ctx) % events_between_snapshots == 0) {
    // The event is written, whatever becomes of the snapshot, which only shortens the next start.
    const auto kept = co_await snapshot(state_, ctx);
    if (!kept) ctx.log().warn("account {}: no snapshot: {}", name_, kept.error().to_string());
  }
  co_return coerce::Result<void>();
}

void Account::apply(const Withdrawn& event) {
  state_.balance -= event.amount;
  state_.recent.emplace(event.transfer, Decision::Withdrawn);
}
void Account::apply(const Refused& event) {
  state_.recent.emplace(event.transfer, Decision::Refused);
}
void Account::apply(const Deposited& event) {
  state_.balance += event.amount;
  state_.recent.emplace(event.transfer, Decision::Deposited);
}

coerce::Task<void> Progress::started(coerce::ActorContext& ctx) {
  const auto loaded = co_await mark_.load(ctx);
  if (!loaded) throw coerce::PersistFailed(loaded.error());
}

coerce::Task<coerce::Result<void>> Progress::handle(SetMark message, coerce::ActorContext& ctx) {
  const auto set = co_await mark_.set(Mark{message.transfer}, ctx);
  if (!set) co_return failed(set.error());
  co_return coerce::Result<void>();
}

}  // namespace bank
