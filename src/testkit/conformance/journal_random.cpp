#include <algorithm>
#include <array>

#include "testkit/conformance/journal_model.hpp"
#include "testkit/conformance/journal_trial.hpp"

namespace coerce::testkit::conformance::detail {

namespace {

using Kind = JournalErr::Kind;

constexpr std::size_t kMostBranches = 64;
constexpr std::array<std::string_view, 3> kIds = {"account", "order", "cart"};
constexpr std::array<std::string_view, 3> kTags = {"red", "blue", "green"};

std::string words_of(const std::vector<JournalModel::Event>& events) {
  std::string text;
  for (const auto& event : events)
    text += fmt::format("{}={}:{} ", event.id, event.sequence, event.text);
  return text;
}

/// Does random operations one after the other and compares each with the model. While it is not
/// known whether an operation was done, several models are possible.
class RandomRun {
 public:
  explicit RandomRun(JournalTrial trial) : trial_(std::move(trial)), models_(1) {}

  Task<void> run() {
    auto first = co_await trial_.store();
    stores_.push_back(std::move(first));
    for (std::size_t i = 0; i < trial_->options.operations; ++i) co_await step();
    for (const std::string_view id : kIds) co_await read_back(std::string(id));
    for (const std::string_view tag : kTags) co_await read_tag(tag);
  }

 private:
  Task<void> step() {
    const std::string id(pick(kIds));
    const std::uint64_t dice = trial_->rng.below(100);
    if (tokens_[id].empty() || dice < 12)
      co_await open(id);
    else if (dice < 47)
      co_await append(id);
    else if (dice < 55)
      co_await snapshot(id);
    else if (dice < 60)
      co_await erase(id, &JournalStorage::delete_events_to, &JournalModel::delete_events);
    else if (dice < 64)
      co_await erase(id, &JournalStorage::delete_snapshots_to, &JournalModel::delete_snapshots);
    else if (dice < 66)
      co_await erase_all(id);
    else if (dice < 72)
      co_await reopen(id);
    else if (dice < 84)
      co_await read(id);
    else if (dice < 95)
      co_await read_tag(pick(kTags));
    else if (trial_.has_restarts())
      co_await restart();
    else
      co_await read_back(id);
  }

  // ---- what changes something -------------------------------------------------------------------

  Task<void> open(std::string id) {
    std::optional<Epoch> owner;
    if (below(3) != 0) owner = Epoch{below(6)};
    auto result = co_await store().open(id, owner);
    judge_opening(result, [&](JournalModel& model) { return model.open(id, owner); });
    if (is_unknown(result)) co_await resolve(id);
  }

  Task<void> reopen(std::string id) {
    const WriteToken token = some_token(id);
    auto result = co_await store().reopen(token);
    judge_opening(result, [&](JournalModel& model) { return model.reopen(token); });
    if (is_unknown(result)) co_await resolve(id);
  }

  Task<void> append(std::string id) {
    const WriteToken token = some_token(id);
    std::int64_t expected = models_.front().head(id);
    if (below(8) == 0) expected += static_cast<std::int64_t>(below(5)) - 2;
    const AppendId append_id = AppendId::draw(trial_->rng);
    std::vector<JournalEntry> entries;
    for (std::uint64_t left = below(5); left != 0; --left) entries.push_back(draw_event());
    const auto count = static_cast<std::int64_t>(entries.size());
    auto result = co_await store().append(token, expected, append_id, entries);
    judge(result,
          [&](JournalModel& model) { return model.append(token, expected, append_id, entries); });
    if (result && *result != expected + count)
      trial_->broken(fmt::format("append gave the head {}; {} was due", *result, expected + count));
    if (is_unknown(result)) co_await resolve(id);
  }

  Task<void> snapshot(std::string id) {
    const WriteToken token = some_token(id);
    JournalEntry entry;
    const std::int64_t head = models_.front().head(id);
    entry.sequence = static_cast<std::int64_t>(below(static_cast<std::uint64_t>(head) + 3)) - 1;
    entry.payload_type = "Snapshot";
    entry.bytes = bytes_of(fmt::format("s{}", ++drawn_));
    auto result = co_await store().write_snapshot(token, entry);
    judge(result, [&](JournalModel& model) { return model.snapshot(token, entry); });
    if (is_unknown(result)) co_await resolve(id);
  }

  Task<void> erase(std::string id,
                   Task<JournalResult<void>> (JournalStorage::*deletion)(WriteToken, std::int64_t),
                   Verdict (JournalModel::*modelled)(const WriteToken&, std::int64_t)) {
    const WriteToken token = some_token(id);
    const std::int64_t head = models_.front().head(id);
    const auto n = static_cast<std::int64_t>(below(static_cast<std::uint64_t>(head) + 3));
    auto result = co_await (store().*deletion)(token, n);
    judge(result, [&](JournalModel& model) { return (model.*modelled)(token, n); });
    if (is_unknown(result)) co_await resolve(id);
  }

  Task<void> erase_all(std::string id) {
    const WriteToken token = some_token(id);
    auto result = co_await store().delete_all(token);
    judge(result, [&](JournalModel& model) { return model.delete_all(token); });
    if (is_unknown(result)) co_await resolve(id);
  }

  /// Shuts out what may still be under way, and looks at what has become of it.
  Task<void> resolve(std::string id) {
    constexpr int kTries = 20;
    for (int tries = 0; tries < kTries; ++tries) {
      auto result = co_await store().open(id, std::nullopt);
      judge_opening(result, [&](JournalModel& model) { return model.open(id, std::nullopt); });
      if (!result) continue;
      co_await read_back(id);
      co_return;
    }
    trial_->broken(fmt::format("{} opens in a row did not succeed", kTries));
  }

  Task<void> restart() {
    auto opened = co_await trial_.store();
    if (stores_.size() > 1 || below(2) == 0) stores_.erase(stores_.begin());
    stores_.push_back(std::move(opened));
  }

  // ---- what reads -------------------------------------------------------------------------------

  Task<void> read(std::string id) {
    const auto head = static_cast<std::uint64_t>(models_.front().head(id));
    const auto from = static_cast<std::int64_t>(below(head + 2));
    const auto to = from + static_cast<std::int64_t>(below(head + 3));
    const std::size_t bytes = below(4) == 0 ? kManyBytes : below(40);
    co_await read_range(id, from, to, bytes);
  }

  Task<void> read_range(std::string id, std::int64_t from, std::int64_t to, std::size_t bytes) {
    auto result = co_await store().read(id, from, to, bytes);
    if (is_passing(result)) co_return;
    const auto found = trial_->must(std::move(result), "read");
    observe(detail::words(found),
            [&](const JournalModel& model) { return plain(model.read(id, from, to, bytes)); });
    for (const JournalEntry& entry : found)
      trial_->check(tags_of_[std::string(text_of(entry.bytes))] == entry.tags,
                    "an event is read back with other tags");
  }

  Task<void> read_back(std::string id) {
    co_await read_range(id, 0, 1 << 20, kManyBytes);
    auto head = co_await store().head(id);
    if (!is_passing(head)) {
      const auto value = trial_->must(std::move(head), "head");
      observe(std::to_string(value),
              [&](const JournalModel& model) { return std::to_string(model.head(id)); });
    }
    auto latest = co_await store().read_latest_snapshot(id);
    if (is_passing(latest)) co_return;
    const auto snapshot = trial_->must(std::move(latest), "read of the latest snapshot");
    const std::string found =
        snapshot ? fmt::format("{}:{}", snapshot->sequence, text_of(snapshot->bytes)) : "none";
    observe(found, [&](const JournalModel& model) { return model.latest_snapshot(id); });
  }

  Task<void> read_tag(std::string_view tag) {
    Cursor& cursor = cursors_[std::string(tag)];
    if (below(3) == 0) cursor = Cursor();
    const std::size_t bytes = below(3) == 0 ? kManyBytes : below(30);
    auto result = co_await store().read_by_tag(std::string(tag), cursor.offset, bytes);
    if (is_passing(result)) co_return;
    const TaggedEntries found = trial_->must(std::move(result), "read_by_tag");
    std::vector<JournalModel::Event> events;
    for (const TaggedEntry& place : found.entries) {
      const std::string text(text_of(place.entry.bytes));
      events.push_back({place.persistence_id, place.entry.sequence, text, {}, false});
      const auto known = offsets_.try_emplace(text, place.offset).first;
      trial_->check(known->second == place.offset, "an event changed its offset: " + text);
      trial_->check(place.offset >= cursor.offset && place.offset < found.next_offset,
                    "an event is not between offset and next_offset: " + text);
    }
    observe(words_of(events), [&](const JournalModel& model) {
      const auto due = model.tagged(tag, cursor.behind, bytes);
      return due ? words_of(*due) : "an event that was seen before";
    });
    cursor.offset = found.next_offset;
    if (!events.empty()) cursor.behind = events.back().text;
  }

  // ---- judging ----------------------------------------------------------------------------------

  template <class T>
  static bool is_unknown(const JournalResult<T>& result) {
    return !result && result.error().kind() == Kind::Unknown;
  }
  /// An error that a store may give at any time.
  template <class T>
  static bool is_passing(const JournalResult<T>& result) {
    return !result &&
           (result.error().kind() == Kind::Unknown || result.error().kind() == Kind::Unavailable);
  }

  /// Keeps the models under which the result could come about, as they are after it.
  template <class T, class F, class G>
  void judge(const JournalResult<T>& result, F apply, G agrees) {
    std::vector<JournalModel> possible;
    const auto add = [&](JournalModel model) {
      if (std::find(possible.begin(), possible.end(), model) == possible.end())
        possible.push_back(std::move(model));
    };
    std::string due;
    for (const JournalModel& model : models_) {
      JournalModel after = model;
      const Verdict verdict = apply(after);
      if (is_passing(result)) {
        add(model);
        if (verdict == Verdict::Done && is_unknown(result)) add(std::move(after));
        continue;
      }
      due = verdict == Verdict::Done     ? "success"
            : verdict == Verdict::Fenced ? "Fenced"
                                         : "Conflict";
      if (result ? verdict == Verdict::Done && agrees(after)
                 : (verdict == Verdict::Fenced && result.error().kind() == Kind::Fenced) ||
                       (verdict == Verdict::Conflict && result.error().kind() == Kind::Conflict))
        add(result ? std::move(after) : model);
    }
    if (possible.empty())
      trial_->broken("the last operation contradicts the model, which says " + due);
    if (possible.size() > kMostBranches)
      trial_->broken("too many operations with an unknown outcome");
    models_ = std::move(possible);
  }
  template <class T, class F>
  void judge(const JournalResult<T>& result, F apply) {
    judge(result, std::move(apply), [](const JournalModel&) { return true; });
  }
  template <class F>
  void judge_opening(const JournalResult<OpenedJournal>& result, F apply) {
    judge(result, std::move(apply), [&](JournalModel& model) { return model.give(*result); });
    if (result) tokens_[result->token.persistence_id].push_back(result->token);
  }

  /// Keeps the models that say what was seen.
  template <class F>
  void observe(const std::string& seen, F says) {
    std::string due;
    std::erase_if(models_, [&](const JournalModel& model) {
      std::string said = says(model);
      const bool differs = said != seen;
      if (differs) due = std::move(said);
      return differs;
    });
    if (models_.empty())
      trial_->broken(fmt::format("the last operation gave: {}\nthe model says: {}", seen, due));
  }

  // ---- drawing ----------------------------------------------------------------------------------

  std::uint64_t below(std::uint64_t bound) { return trial_->rng.below(bound); }
  std::string_view pick(const std::array<std::string_view, 3>& from) {
    return from[below(from.size())];
  }
  JournalStorage& store() { return *stores_[below(stores_.size())]; }

  WriteToken some_token(const std::string& id) {
    const std::vector<WriteToken>& all = tokens_[id];
    return below(4) != 0 ? all.back() : all[below(all.size())];
  }

  JournalEntry draw_event() {
    std::string text = fmt::format("e{}", ++drawn_);
    text += std::string(below(10), '.');
    std::vector<std::string> tags;
    for (const std::string_view tag : kTags)
      if (below(3) == 0) tags.emplace_back(tag);
    tags_of_[text] = tags;
    return event(text, std::move(tags));
  }

  static std::string plain(const std::vector<JournalModel::Event>& events) {
    std::vector<JournalEntry> entries;
    for (const auto& each : events) {
      entries.push_back(event(each.text));
      entries.back().sequence = each.sequence;
    }
    return detail::words(entries);
  }

  /// Where to read on by a tag.
  struct Cursor {
    std::uint64_t offset = 0;
    std::string behind;  ///< the last event that was given
  };

  JournalTrial trial_;
  std::vector<Journals> stores_;  ///< handles to the one store
  std::vector<JournalModel> models_;
  std::map<std::string, std::vector<WriteToken>> tokens_;
  std::map<std::string, std::vector<std::string>> tags_of_;
  std::map<std::string, std::uint64_t> offsets_;
  std::map<std::string, Cursor> cursors_;
  std::uint64_t drawn_ = 0;
};

Task<void> random_operations(JournalTrial trial) {
  RandomRun run(trial);
  co_await run.run();
}

}  // namespace

std::vector<Case> random_cases(const JournalStores& stores) {
  std::vector<Case> cases;
  cases.push_back(journal_case(
      stores, "random operations come out as in the model, across restarts and handles",
      random_operations));
  cases.back().is_random = true;
  return cases;
}

}  // namespace coerce::testkit::conformance::detail
