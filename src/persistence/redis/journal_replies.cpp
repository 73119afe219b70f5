#include "persistence/redis/journal_replies.hpp"

#include <fmt/format.h>

#include "persistence/redis/stored_entry.hpp"

namespace coerce::detail::redis {

namespace {

using Kind = JournalErr::Kind;

std::string_view text_at(const Reply& list, std::size_t place) {
  if (place >= list.items.size() || !list.items[place].is_text()) return {};
  return list.items[place].text;
}

const std::vector<Reply>* list_at(const Reply& list, std::size_t place) {
  if (place >= list.items.size() || !list.items[place].is_list()) return nullptr;
  return &list.items[place].items;
}

bool is_nil_at(const Reply& list, std::size_t place) {
  return place < list.items.size() && list.items[place].type == ReplyType::Nil;
}

std::optional<AppendId> append_id_of(std::string_view text) {
  constexpr std::size_t kHalf = 16;
  AppendId id;
  if (text.size() != 2 * kHalf) return std::nullopt;
  const char* const middle = text.data() + kHalf;
  const auto high = std::from_chars(text.data(), middle, id.high, 16);
  const auto low = std::from_chars(middle, middle + kHalf, id.low, 16);
  if (high.ec != std::errc() || high.ptr != middle || low.ec != std::errc() ||
      low.ptr != middle + kHalf)
    return std::nullopt;
  return id;
}

std::optional<TaggedEntry> tagged_entry(const Reply& item) {
  const auto offset = number_at<std::uint64_t>(item, 0);
  const auto sequence = number_at<std::int64_t>(item, 2);
  if (!offset || !sequence || item.items.size() != 4) return std::nullopt;
  auto entry = from_stored(text_at(item, 3), *sequence);
  if (!entry) return std::nullopt;
  TaggedEntry tagged;
  tagged.offset = *offset;
  tagged.persistence_id = text_at(item, 1);
  tagged.entry = std::move(*entry);
  return tagged;
}

}  // namespace

JournalErr unavailable(const Failure& failure) {
  return JournalErr(Kind::Unavailable, failure.detail);
}

JournalErr error_of_write(const Failure& failure) {
  switch (failure.kind) {
    case FailureKind::NotDone:
      return unavailable(failure);
    case FailureKind::Contradicts:
      return JournalErr(Kind::Corrupt, failure.detail);
    case FailureKind::Unknown:
    case FailureKind::Broken:
      break;
  }
  return JournalErr(Kind::Unknown, failure.detail);
}

JournalErr error_of_read(const Failure& failure) {
  const bool may_succeed =
      failure.kind == FailureKind::NotDone || failure.kind == FailureKind::Unknown;
  return JournalErr(may_succeed ? Kind::Unavailable : Kind::Corrupt, failure.detail);
}

JournalErr unclear(std::string_view operation) {
  return JournalErr(Kind::Unknown, fmt::format("the answer to {} cannot be read", operation));
}

JournalErr unreadable(std::string_view what, std::string_view name) {
  return JournalErr(Kind::Corrupt, fmt::format("{} of '{}' cannot be read", what, name));
}

std::optional<JournalErr> refusal(const Reply& reply) {
  const std::string_view verdict = text_at(reply, 0);
  const std::string_view more = text_at(reply, 1);
  if (verdict == "ok") return std::nullopt;
  if (verdict == "fenced")
    return JournalErr(Kind::Fenced, more.empty() ? std::string("it has been opened since")
                                                 : fmt::format("epoch {} is stored", more));
  if (verdict == "conflict") return JournalErr(Kind::Conflict, fmt::format("the head is {}", more));
  if (verdict == "missing") return JournalErr(Kind::Corrupt, fmt::format("entry {} is gone", more));
  return unclear("a script");
}

JournalResult<OpenedJournal> read_opened(const Reply& reply, std::string id) {
  const std::vector<Reply>* const fields = list_at(reply, 1);
  if (fields == nullptr || fields->size() != 5) return coerce::unexpected(unclear("open"));
  const Reply& stored = reply.items[1];
  const auto epoch = number_at<std::uint64_t>(stored, 0);
  const auto instance = number_at<std::uint64_t>(stored, 1);
  const auto head = is_nil_at(stored, 2) ? 0 : number_at<std::int64_t>(stored, 2);
  const auto base = is_nil_at(stored, 3) ? 0 : number_at<std::int64_t>(stored, 3);
  const auto append = append_id_of(text_at(stored, 4));
  const bool has_append = append.has_value() || is_nil_at(stored, 4);
  if (!epoch || !instance || !head || !base || !has_append || *base < 0 || *base > *head)
    return coerce::unexpected(unreadable("the state", id));
  OpenedJournal opened;
  opened.head = *head;
  opened.base = *base;
  opened.token.persistence_id = std::move(id);
  opened.token.epoch = Epoch{*epoch};
  opened.token.instance = *instance;
  opened.last_append = append;
  return opened;
}

JournalResult<EventPage> read_page(const Reply& reply) {
  const auto begin = number_at<std::int64_t>(reply, 1);
  const auto more = number_at<std::int64_t>(reply, 2);
  const std::vector<Reply>* const events = list_at(reply, 3);
  if (!begin || !more || events == nullptr)
    return coerce::unexpected(unreadable("the answer", "read"));
  EventPage page;
  page.begin = *begin;
  page.more = *more != 0;
  if (page.more && events->empty()) return coerce::unexpected(unreadable("the answer", "read"));
  std::int64_t sequence = *begin;
  for (const Reply& event : *events) {
    auto entry = from_stored(event.text, sequence);
    if (!entry) return coerce::unexpected(unreadable("event", std::to_string(sequence)));
    page.entries.push_back(std::move(*entry));
    ++sequence;
  }
  return page;
}

JournalResult<std::optional<JournalEntry>> read_snapshot(const Reply& reply) {
  if (reply.items.size() == 1) return std::optional<JournalEntry>();
  const auto sequence = number_at<std::int64_t>(reply, 1);
  auto entry = sequence ? from_stored(text_at(reply, 2), *sequence) : std::nullopt;
  if (!entry) return coerce::unexpected(unreadable("snapshot", text_at(reply, 1)));
  return entry;
}

JournalResult<TagPage> read_tag_page(const Reply& reply, std::uint64_t from) {
  const auto next = number_at<std::uint64_t>(reply, 1);
  const auto more = number_at<std::int64_t>(reply, 2);
  const auto last = number_at<std::uint64_t>(reply, 3);
  const std::vector<Reply>* const found = list_at(reply, 4);
  if (!next || !more || !last || found == nullptr || (*more != 0 && *next <= from))
    return coerce::unexpected(unreadable("the answer", "read_by_tag"));
  TagPage page;
  page.next = *next;
  page.more = *more != 0;
  page.last = *last;
  for (const Reply& item : *found) {
    auto tagged = tagged_entry(item);
    if (!tagged) return coerce::unexpected(unreadable("an event", "a tag"));
    page.entries.push_back(std::move(*tagged));
  }
  return page;
}

}  // namespace coerce::detail::redis
