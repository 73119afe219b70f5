#include "check.hpp"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "account.hpp"
#include "audit.hpp"

namespace bank {

namespace {

using coerce::JournalResult;
using coerce::Task;

constexpr std::size_t read_bytes = 1u << 20;

struct Input {
  std::vector<Transfer> transfers;
  std::set<std::string> accounts;
  Acks acks;
};

coerce::Result<Input, std::string> read_input(const CheckOptions& options) {
  TransferReader reader(options.file);
  if (!reader.is_open()) return coerce::unexpected("cannot open " + options.file);
  Input input;
  while (auto transfer = reader.next()) {
    input.accounts.insert(transfer->from);
    input.accounts.insert(transfer->to);
    input.transfers.push_back(std::move(*transfer));
  }
  if (reader.failed()) return coerce::unexpected("cannot read " + options.file);
  auto acks = read_acks(options.acks);
  if (!acks) return coerce::unexpected(acks.error());
  input.acks = std::move(*acks);
  return input;
}

Task<JournalResult<std::int64_t>> read_mark(coerce::JournalStorage& storage) {
  const std::string id(mark_journal);
  const auto head = co_await storage.head(id);
  if (!head || *head == 0) co_return head;
  const auto entries = co_await storage.read(id, *head, *head + 1, read_bytes);
  if (!entries) co_return coerce::unexpected(entries.error());
  using Err = coerce::JournalErr;
  if (entries->size() != 1 || entries->front().payload_type != mark_type)
    co_return coerce::unexpected(Err(Err::Kind::Corrupt, "the journal of the mark has none"));
  const auto mark = coerce::Codec<Mark>::decode(entries->front().bytes);
  if (!mark) co_return coerce::unexpected(Err(Err::Kind::Corrupt, mark.error().to_string()));
  co_return mark->transfer;
}

Task<JournalResult<void>> audit_account(coerce::JournalStorage& storage, std::string name,
                                        Audit& audit) {
  const std::string id = std::string(account_prefix) + name;
  auto snapshot = co_await storage.read_latest_snapshot(id);
  if (!snapshot) co_return coerce::unexpected(snapshot.error());
  const auto head = co_await storage.head(id);
  if (!head) co_return coerce::unexpected(head.error());

  audit.begin_account(std::move(name), std::move(*snapshot));
  for (std::int64_t at = 0; at < *head;) {
    const auto entries = co_await storage.read(id, at + 1, *head + 1, read_bytes);
    if (!entries) co_return coerce::unexpected(entries.error());
    if (entries->empty()) break;
    for (const coerce::JournalEntry& entry : *entries) audit.event(entry);
    at = entries->back().sequence;
  }
  audit.end_account(*head);
  co_return JournalResult<void>();
}

int report(const std::string& why) {
  fmt::print(stderr, "example_bank: {}\n", why);
  return 1;
}

}  // namespace

Task<int> check_bank(std::shared_ptr<coerce::JournalStorage> storage, CheckOptions options) {
  const auto read = [&options] { return read_input(options); };
  auto input = co_await coerce::blocking(read);
  if (!input) co_return report(input.error());
  const auto mark = co_await read_mark(*storage);
  if (!mark) co_return report(mark.error().to_string());

  Audit audit(std::move(input->transfers), std::move(input->acks), *mark);
  for (const std::string& name : input->accounts) {
    const auto done = co_await audit_account(*storage, name, audit);
    if (!done) co_return report(fmt::format("account {}: {}", name, done.error().to_string()));
  }
  audit.finish(options.all_settled);
  fmt::print("{}", audit.report());
  co_return audit.passed() ? 0 : 1;
}

}  // namespace bank
