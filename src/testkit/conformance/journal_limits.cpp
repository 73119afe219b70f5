#include <algorithm>

#include "testkit/conformance/journal_trial.hpp"

namespace coerce::testkit::conformance::detail {

namespace {

constexpr auto kLimit = JournalErr::Kind::Limit;
/// What a test may well spend on being accepted; a refusal costs only the memory.
constexpr std::size_t kAffordable = std::size_t{16} << 20;

Task<void> expect_limit(JournalTrial trial, Writer& writer, std::vector<JournalEntry> batch,
                        std::string_view what) {
  const auto before = co_await writer.stored_head();
  const auto result = co_await writer.try_append(std::move(batch));
  trial->refused(result, kLimit, what);
  const auto after = co_await writer.stored_head();
  trial->check(before == after, fmt::format("{} moved the head", what));
  const auto left = co_await writer.events();
  trial->check(left.size() == 1, fmt::format("{} left {} events", what, left.size()));
}

Task<void> ids(JournalTrial trial) {
  const auto store = co_await trial.store();
  const std::size_t most = store->limits().max_id_bytes;
  const auto empty = co_await store->open("", std::nullopt);
  trial->refused(empty, kLimit, "open of the empty persistence id");
  const auto longer = co_await store->open(std::string(most + 1, 'i'), std::nullopt);
  trial->refused(longer, kLimit, "open of a persistence id above the limit");
  Writer longest(trial, store, std::string(most, 'i'));
  co_await longest.open();
  (void)co_await longest.append(events("a"));
  Writer almost(trial, store, std::string(most - 1, 'i'));
  co_await almost.open();
  trial->check(almost.head == 0, "two long persistence ids are one journal");
}

Task<void> entries(JournalTrial trial) {
  const auto store = co_await trial.store();
  const JournalLimits limits = store->limits();
  Writer writer(trial, store, "account");
  co_await writer.open();
  (void)co_await writer.append(events("a"));

  // The offender comes last: the events before it must not be written.
  auto batch = events("fine", "");
  batch[1].payload_type.clear();
  co_await expect_limit(trial, writer, batch, "an event without a type");
  batch[1] = event("");
  batch[1].payload_type = std::string(limits.max_type_bytes + 1, 't');
  co_await expect_limit(trial, writer, batch, "an event with a long type");
  batch[1] = event(std::string(limits.max_entry_bytes + 1, 'p'));
  co_await expect_limit(trial, writer, batch, "a large event");
  batch[1] = event("", std::vector<std::string>(1, ""));
  co_await expect_limit(trial, writer, batch, "an event with an empty tag");
  batch[1] = event("", std::vector<std::string>(1, std::string(limits.max_tag_bytes + 1, 't')));
  co_await expect_limit(trial, writer, batch, "an event with a long tag");
  std::vector<std::string> tags;
  for (std::size_t i = 0; i <= limits.max_tags; ++i) tags.push_back(fmt::format("tag {}", i));
  batch[1] = event("", tags);
  co_await expect_limit(trial, writer, batch, "an event with many tags");
}

Task<void> batches(JournalTrial trial) {
  const auto store = co_await trial.store();
  const JournalLimits limits = store->limits();
  Writer writer(trial, store, "account");
  co_await writer.open();
  (void)co_await writer.append(events("a"));
  std::vector<JournalEntry> many(limits.max_batch_entries + 1, event("e"));
  co_await expect_limit(trial, writer, std::move(many), "a batch of many events");
  const std::size_t size = std::min(limits.max_entry_bytes, limits.max_batch_bytes);
  std::vector<JournalEntry> large(limits.max_batch_bytes / size + 1, event(std::string(size, 'p')));
  co_await expect_limit(trial, writer, std::move(large), "a batch of many bytes");
}

Task<void> up_to_the_limits(JournalTrial trial) {
  const auto store = co_await trial.store();
  const JournalLimits limits = store->limits();
  Writer writer(trial, store, "account");
  co_await writer.open();
  std::vector<std::string> tags;
  for (std::size_t i = 0; i < limits.max_tags; ++i) {
    std::string tag = fmt::format("{} ", i);
    tags.push_back(tag + std::string(limits.max_tag_bytes - tag.size(), 't'));
  }
  std::vector<JournalEntry> wide;
  wide.push_back(event("x", tags));
  wide[0].payload_type = std::string(limits.max_type_bytes, 't');
  (void)co_await writer.append(std::move(wide));
  if (limits.max_batch_entries <= 100'000) {
    std::vector<JournalEntry> many(limits.max_batch_entries, event(""));
    (void)co_await writer.append(std::move(many));
  }
  if (limits.max_entry_bytes <= kAffordable && limits.max_entry_bytes <= limits.max_batch_bytes) {
    const std::string payload(limits.max_entry_bytes, 'p');
    (void)co_await writer.append(events(std::string_view(payload)));
    const auto read = co_await writer.events(writer.head, writer.head + 1);
    trial->check(read.size() == 1 && text_of(read[0].bytes) == payload,
                 "the largest event is not read back");
  }
}

Task<void> snapshots(JournalTrial trial) {
  const auto store = co_await trial.store();
  const JournalLimits limits = store->limits();
  Writer writer(trial, store, "account");
  co_await writer.open();
  co_await writer.snapshot(0, "small");
  const auto large =
      co_await writer.try_snapshot(0, std::string(limits.max_snapshot_bytes + 1, 's'));
  trial->refused(large, kLimit, "a large snapshot");
  const auto left = co_await writer.latest_snapshot();
  trial->check(left == "0 small", "a refused snapshot changed the one before");
  const std::string fits(std::min(limits.max_snapshot_bytes, kAffordable), 's');
  co_await writer.snapshot(0, fits);
  const auto largest = co_await writer.latest_snapshot();
  trial->check(largest == "0 " + fits, "a large snapshot is not read back");
}

}  // namespace

std::vector<Case> limit_cases(const JournalStores& stores) {
  std::vector<Case> cases;
  const auto add = [&](std::string promise, Task<void> (*body)(JournalTrial)) {
    cases.push_back(journal_case(stores, std::move(promise), body));
  };
  add("a persistence id beyond the limits is refused", ids);
  add("a batch with an event beyond the limits is refused, and nothing of it is written", entries);
  add("a batch beyond the limits is refused, and nothing of it is written", batches);
  add("what is just within the limits is taken", up_to_the_limits);
  add("a snapshot beyond the limits is refused", snapshots);
  return cases;
}

}  // namespace coerce::testkit::conformance::detail
