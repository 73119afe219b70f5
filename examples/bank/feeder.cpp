#include "feeder.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "ack_file.hpp"
#include "progress_bar.hpp"
#include "transfers.hpp"

namespace bank {

namespace {

using coerce::Task;
using Done = coerce::Result<void, std::string>;

tl::unexpected<std::string> failure(std::string why) { return coerce::unexpected(std::move(why)); }

/// Carries out transfers in batches: many of a batch at a time, and the mark behind a batch when
/// all of it is acknowledged. After a crash the batches behind the mark are carried out again; the
/// accounts know what they have done of them. A mark costs a moment in which nothing is under way,
/// and needs no account to remember more than a batch.
class Feeder {
 public:
  Feeder(coerce::ActorSystem system, RunOptions options, Overview overview)
      : system_(std::move(system)),
        options_(std::move(options)),
        overview_(std::move(overview)),
        reader_(options_.file) {}

  Task<Done> run();

 private:
  Task<Done> start_actors();
  Task<Done> settle_batch();
  Task<void> carry_out_some();
  Task<coerce::Result<Decision>> carry_out(const Transfer& transfer);
  Task<Done> set_mark(std::int64_t transfer);
  Task<coerce::Result<std::int64_t>> sum_of_balances();
  void read_batch();
  void skip_settled();
  void acknowledge(const Transfer& transfer, Decision decision);

  coerce::ActorSystem system_;
  RunOptions options_;
  Overview overview_;
  TransferReader reader_;
  std::optional<AckFile> acks_{};
  std::map<std::string, coerce::LocalActorRef<Account>, std::less<>> accounts_{};
  std::optional<coerce::LocalActorRef<Progress>> progress_{};
  std::optional<ProgressBar> bar_{};
  std::int64_t mark_ = 0;
  std::vector<Transfer> batch_{};
  std::size_t next_ = 0;                 ///< in the batch
  std::optional<std::string> failed_{};  ///< why no further transfer is begun
  std::size_t before_ = 0;               ///< settled by earlier runs
  std::size_t carried_out_ = 0;
  std::size_t refused_ = 0;
};

Task<Done> Feeder::run() {
  const auto start = std::chrono::steady_clock::now();
  auto ready = co_await start_actors();
  if (!ready) co_return ready;
  // Not before: a bank that is still running has now lost its journals, and with them the mark.
  // What it may add here meanwhile, and loses when the file is mended, is acknowledged again.
  auto acks = AckFile::open(options_.acks);
  if (!acks) co_return failure(acks.error());
  acks_.emplace(std::move(*acks));
  co_await coerce::blocking([this] { skip_settled(); });
  fmt::print("{} accounts, {} of {} transfers settled before\n", accounts_.size(), before_,
             overview_.transfers);
  std::fflush(stdout);

  bar_.emplace(overview_.transfers, before_);
  for (;;) {
    if (batch_.empty()) co_await coerce::blocking([this] { read_batch(); });
    if (batch_.empty()) break;
    auto settled = co_await settle_batch();
    if (!settled) co_return settled;
  }
  if (reader_.failed()) co_return failure("cannot read " + options_.file);

  const auto sum = co_await sum_of_balances();
  if (!sum) co_return failure(sum.error().to_string());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const std::size_t now = carried_out_ + refused_;
  fmt::print("{} transfers carried out, {} refused, {} settled before, {} bad lines skipped\n",
             carried_out_, refused_, before_, overview_.bad_lines);
  fmt::print("{} accounts hold {} in all; {:.1f} s, {:.0f} transfers/s\n", accounts_.size(), *sum,
             took.count(), static_cast<double>(now) / std::max(took.count(), 1e-9));
  co_return Done();
}

/// All at once: each reads its journal, and those that have none open theirs, side by side.
Task<Done> Feeder::start_actors() {
  auto progress = co_await coerce::into_actor(Progress(), "bank/mark", system_);
  if (!progress) co_return failure(progress.error().to_string());
  progress_ = std::move(*progress);
  const auto mark = co_await progress_->send(GetMark{});
  if (!mark) co_return failure(mark.error().to_string());
  mark_ = *mark;

  for (const std::string& name : overview_.accounts) {
    Account account(name);
    auto started = co_await system_.new_actor_deferred(name, std::move(account));
    if (!started) co_return failure(started.error().to_string());
    accounts_.emplace(name, std::move(*started));
  }
  const auto sum = co_await sum_of_balances();  // each answers when it has started
  if (!sum) co_return failure(sum.error().to_string());
  co_return Done();
}

Task<Done> Feeder::settle_batch() {
  next_ = 0;
  std::vector<Task<void>> under_way;
  for (std::size_t i = 0; i < std::min(options_.in_flight, batch_.size()); ++i)
    under_way.push_back(carry_out_some());
  co_await coerce::when_all(std::move(under_way));
  if (failed_) co_return failure(*failed_);

  const std::int64_t last = batch_.back().id;
  batch_.clear();
  co_return co_await set_mark(last);
}

/// One transfer after the other, until the batch has no more. Those that do this run in turns,
/// never at the same time, so they share the batch and the counters without a lock.
Task<void> Feeder::carry_out_some() {
  while (next_ < batch_.size() && !failed_) {
    const Transfer& transfer = batch_[next_++];
    const auto decision = co_await carry_out(transfer);
    if (decision)
      acknowledge(transfer, *decision);
    else
      failed_ = fmt::format("transfer {}: {}", transfer.id, decision.error().to_string());
  }
}

Task<coerce::Result<Decision>> Feeder::carry_out(const Transfer& transfer) {
  const auto& from = accounts_.find(transfer.from)->second;
  const auto decision = co_await from.send(Withdraw{transfer.id, transfer.amount, mark_});
  if (!decision || *decision != Decision::Withdrawn) co_return decision;
  const auto& to = accounts_.find(transfer.to)->second;
  const auto deposited = co_await to.send(Deposit{transfer.id, transfer.amount, mark_});
  if (!deposited) co_return coerce::unexpected(deposited.error());
  co_return decision;
}

void Feeder::acknowledge(const Transfer& transfer, Decision decision) {
  const bool refused = decision == Decision::Refused;
  if (!acks_->write(refused ? "refused" : "ok", transfer.id)) failed_ = "cannot write the acks";
  ++(refused ? refused_ : carried_out_);
  bar_->show(before_ + carried_out_ + refused_);
}

/// The acks are on the disk before the mark is: what lies behind it is never acknowledged again.
Task<Done> Feeder::set_mark(std::int64_t transfer) {
  const bool synced = co_await coerce::blocking([this] { return acks_->sync(); });
  if (!synced) co_return failure("cannot sync the acks");
  const auto set = co_await progress_->send(SetMark{transfer});
  if (!set) co_return failure(fmt::format("the mark at {}: {}", transfer, set.error().to_string()));
  mark_ = transfer;
  co_return Done();
}

Task<coerce::Result<std::int64_t>> Feeder::sum_of_balances() {
  std::int64_t sum = 0;
  for (const auto& [name, account] : accounts_) {
    const auto balance = co_await account.send(GetBalance{});
    if (!balance) co_return coerce::unexpected(balance.error());
    sum += *balance;
  }
  co_return sum;
}

/// And reads the first batch of the others.
void Feeder::skip_settled() {
  while (auto transfer = reader_.next()) {
    if (transfer->id > mark_) {
      batch_.push_back(std::move(*transfer));
      break;
    }
    ++before_;
  }
  read_batch();
}

void Feeder::read_batch() {
  while (batch_.size() < max_batch) {
    auto transfer = reader_.next();
    if (!transfer) return;
    batch_.push_back(std::move(*transfer));
  }
}

int report(const std::string& why) {
  fmt::print(stderr, "example_bank: {}\n", why);
  return 1;
}

}  // namespace

Task<int> run_bank(coerce::ActorSystem system, RunOptions options) {
  const auto look = [&options] { return look_through(options.file); };
  auto overview = co_await coerce::blocking(look);
  if (!overview) co_return report(overview.error());
  for (const std::string& line : overview->reports) fmt::print(stderr, "{}\n", line);
  if (overview->bad_lines > overview->reports.size())
    fmt::print(stderr, "and {} more bad lines\n", overview->bad_lines - overview->reports.size());

  Feeder feeder(std::move(system), std::move(options), std::move(*overview));
  const auto done = co_await feeder.run();
  if (!done) co_return report(done.error());
  co_return 0;
}

}  // namespace bank
