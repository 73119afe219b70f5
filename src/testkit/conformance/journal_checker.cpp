#include "testkit/conformance/journal_checker.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace coerce::testkit::conformance::detail {

namespace {

using Outcome = AppendRecord::Outcome;

/// An append that is stored: its events have the sequences first ... last.
struct Place {
  const AppendRecord* append;
  std::int64_t first;
  std::int64_t last;
};

std::string name_of(const AppendRecord& append) {
  return fmt::format("append of {} under opening {}",
                     append.texts.empty() ? "nothing" : append.texts.front(), append.opening);
}

std::optional<std::string> find_places(const JournalHistory& history, std::vector<Place>& places) {
  std::map<std::string, std::int64_t> sequences;
  for (std::size_t i = 0; i < history.stored.size(); ++i)
    if (!sequences.emplace(history.stored[i], static_cast<std::int64_t>(i) + 1).second)
      return fmt::format("{} is stored twice", history.stored[i]);

  std::size_t explained = 0;
  for (const AppendRecord& append : history.appends) {
    if (append.texts.empty()) continue;
    std::vector<std::int64_t> found;
    for (const std::string& text : append.texts)
      if (const auto place = sequences.find(text); place != sequences.end())
        found.push_back(place->second);
    if (found.empty()) {
      if (append.outcome != Outcome::Acknowledged) continue;
      return fmt::format("acknowledged, but lost: {}", name_of(append));
    }
    if (append.outcome == Outcome::NotWritten)
      return fmt::format("refused, but stored at {}: {}", found.front(), name_of(append));
    if (found.size() != append.texts.size())
      return fmt::format("{} of {} events are stored: {}", found.size(), append.texts.size(),
                         name_of(append));
    for (std::size_t i = 1; i < found.size(); ++i)
      if (found[i] != found[0] + static_cast<std::int64_t>(i))
        return fmt::format("its events are not stored one behind the other: {}", name_of(append));
    if (append.outcome == Outcome::Acknowledged && append.head != found.back())
      return fmt::format("acknowledged with the head {}, but stored to {}: {}", append.head,
                         found.back(), name_of(append));
    explained += found.size();
    places.push_back({&append, found.front(), found.back()});
  }
  if (explained != history.stored.size())
    return fmt::format("{} events are stored that nobody has appended",
                       history.stored.size() - explained);
  return std::nullopt;
}

std::optional<std::string> check_order(const std::vector<Place>& places) {
  for (const Place& first : places)
    for (const Place& second : places)
      if (first.append->outcome == Outcome::Acknowledged &&
          first.append->answered < second.append->called && second.first <= first.last)
        return fmt::format("begun after the other was acknowledged, but stored before it: {}; {}",
                           name_of(*second.append), name_of(*first.append));
  return std::nullopt;
}

std::optional<std::string> check_fences(const JournalHistory& history,
                                        const std::vector<Place>& places) {
  for (const OpeningRecord& opening : history.openings)
    for (const Place& place : places) {
      if (place.append->opening < opening.opening && place.last > opening.head)
        return fmt::format("stored at {} though opening {} had fenced it at the head {}: {}",
                           place.last, opening.opening, opening.head, name_of(*place.append));
      if (place.append->opening >= opening.opening && place.first <= opening.head)
        return fmt::format("stored at {} though opening {} began at the head {}: {}", place.first,
                           opening.opening, opening.head, name_of(*place.append));
    }
  return std::nullopt;
}

std::optional<std::string> check_openings(const std::vector<OpeningRecord>& openings) {
  for (const OpeningRecord& first : openings)
    for (const OpeningRecord& second : openings) {
      if (&first == &second) continue;
      if (first.opening == second.opening)
        return fmt::format("opening {} was given twice", first.opening);
      if (first.answered < second.called && first.opening > second.opening)
        return fmt::format("opening {} came after opening {}", second.opening, first.opening);
    }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> judge(const JournalHistory& history) {
  if (auto wrong = check_openings(history.openings)) return wrong;
  std::vector<Place> places;
  if (auto wrong = find_places(history, places)) return wrong;
  if (auto wrong = check_fences(history, places)) return wrong;
  return check_order(places);
}

}  // namespace coerce::testkit::conformance::detail
