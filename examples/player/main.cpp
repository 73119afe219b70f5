// A game's score board. Every player is an actor: a line "leon 25" of the input tells the actor
// "leon" that it has scored 25 points, and at the end each of them is asked for its total.

#include <coerce/actor.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <istream>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

// ── The actor ───────────────────────────────────────────────────────────────────────────────────

struct PointsScored {
  std::size_t points;
};

struct GetPoints {
  using Result = std::size_t;
};

/// Adds up the points of one player.
class PlayerActor : public coerce::Actor {
 public:
  void handle(PointsScored message, coerce::ActorContext&) { points_ += message.points; }

  std::size_t handle(GetPoints, coerce::ActorContext&) { return points_; }

 private:
  std::size_t points_ = 0;
};

// ── The input ───────────────────────────────────────────────────────────────────────────────────

struct Score {
  std::string player;
  std::size_t points;
};

constexpr std::size_t max_line_length = 256;
constexpr std::size_t max_points_of_a_line = 1'000'000'000;  // keeps every sum far from overflow

/// What a line "player points" says: a score, nothing (a blank line), or what is wrong with it.
coerce::Result<std::optional<Score>, std::string_view> parse_line(std::string_view line) {
  constexpr std::string_view blanks = " \t\r";
  line = line.substr(0, line.find_last_not_of(blanks) + 1);
  if (line.empty()) return std::nullopt;

  const auto name = line.substr(0, line.find_first_of(blanks));
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (name.empty()) return coerce::unexpected(std::string_view("the name is missing"));
  if (std::any_of(name.begin(), name.end(), is_control)) {
    return coerce::unexpected(std::string_view("the name has a control character"));
  }

  auto number = line.substr(name.size());
  if (number.empty()) return coerce::unexpected(std::string_view("the points are missing"));
  number = number.substr(number.find_first_not_of(blanks));
  if (number.find_first_of(blanks) != std::string_view::npos) {
    return coerce::unexpected(std::string_view("there are more than two fields"));
  }
  if (number.front() == '-') {
    return coerce::unexpected(std::string_view("the points are negative"));
  }

  std::size_t points = 0;
  const char* begin = number.data();
  const char* end = begin + number.size();
  const auto [parsed_to, error] = std::from_chars(begin, end, points);
  if (parsed_to != end) return coerce::unexpected(std::string_view("the points are not a number"));
  if (error != std::errc() || points > max_points_of_a_line) {
    return coerce::unexpected(std::string_view("the points are too many for one line"));
  }
  return Score{std::string(name), points};
}

/// Reads scores from a stream. Skips and counts bad lines, and reports the first of them.
class ScoreReader {
 public:
  explicit ScoreReader(std::istream& input) : input_(input) {}

  /// The next scores, at most `batch_size` of them; none at the end of the input.
  std::vector<Score> read_batch() {
    std::vector<Score> batch;
    while (batch.size() < batch_size && next_line()) {
      auto score = line_is_too_long_ ? coerce::unexpected(std::string_view("the line is too long"))
                                     : parse_line(line_);
      if (!score) {
        report(score.error());
      } else if (*score) {
        batch.push_back(std::move(**score));
      }
    }
    return batch;
  }

  std::size_t bad_lines() const { return bad_lines_; }
  std::size_t unreported_lines() const { return bad_lines_ - std::min(bad_lines_, max_reports); }

  /// Whether the input ended with an error rather than at its end.
  bool failed() const { return input_.bad(); }

 private:
  static constexpr std::size_t batch_size = 1024;
  static constexpr std::size_t max_reports = 20;

  /// Reads a line into `line_`; of one that is too long no more than its limit is kept in memory.
  bool next_line() {
    input_.getline(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    if (input_.bad() || (input_.eof() && input_.gcount() == 0)) return false;
    ++line_number_;
    line_is_too_long_ = input_.fail();
    if (line_is_too_long_) {
      input_.clear();
      input_.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
      return true;
    }
    const auto read = static_cast<std::size_t>(input_.gcount());
    line_ = std::string_view(buffer_.data(), input_.eof() ? read : read - 1);  // less the newline
    return true;
  }

  void report(std::string_view reason) {
    if (++bad_lines_ <= max_reports) fmt::print(stderr, "line {}: {}\n", line_number_, reason);
  }

  std::istream& input_;
  std::array<char, max_line_length + 1> buffer_{};
  std::string_view line_;
  bool line_is_too_long_ = false;
  std::size_t line_number_ = 0;
  std::size_t bad_lines_ = 0;
};

// ── The game ────────────────────────────────────────────────────────────────────────────────────

struct Standing {
  std::string player;
  std::size_t points;
};

using Players = std::map<std::string, coerce::LocalActorRef<PlayerActor>, std::less<>>;

/// The player of that name, who joins the game when first heard of.
coerce::Task<coerce::Result<coerce::LocalActorRef<PlayerActor>>> find_or_join(
    Players& players, const std::string& name, coerce::ActorSystem& system) {
  if (auto known = players.find(name); known != players.end()) co_return known->second;
  auto player = co_await coerce::into_actor(PlayerActor{}, name, system);
  if (player) players.emplace(name, *player);
  co_return player;
}

/// Tells every score of the input to its player. Returns how many there were.
coerce::Task<coerce::Result<std::size_t>> tell_scores(Players& players, ScoreReader& reader,
                                                      coerce::ActorSystem& system) {
  std::size_t messages = 0;
  while (true) {
    // A file may keep its reader waiting, which a worker must not: there are actors to run.
    auto batch = co_await coerce::blocking([&reader] { return reader.read_batch(); });
    if (batch.empty()) co_return messages;
    for (const auto& score : batch) {
      auto player = co_await find_or_join(players, score.player, system);
      if (!player) co_return coerce::unexpected(player.error());
      auto told = player->notify(PointsScored{score.points});
      if (!told) co_return coerce::unexpected(told.error());
    }
    messages += batch.size();
  }
}

/// Asks every player for its points. Each answers after it has handled all that it was told before.
coerce::Task<coerce::Result<std::vector<Standing>>> ask_standings(const Players& players) {
  std::vector<Standing> standings;
  for (const auto& [name, player] : players) {
    auto points = co_await player.send(GetPoints{});
    if (!points) co_return coerce::unexpected(points.error());
    standings.push_back(Standing{name, *points});
  }
  std::sort(standings.begin(), standings.end(), [](const Standing& a, const Standing& b) {
    return a.points != b.points ? a.points > b.points : a.player < b.player;
  });
  co_return standings;
}

void print_table(std::span<const Standing> standings, std::size_t rows) {
  standings = standings.first(std::min(rows, standings.size()));
  std::size_t width = std::string_view("player").size();
  for (const auto& standing : standings) width = std::max(width, standing.player.size());

  fmt::print("{:>5}  {:<{}}  {:>12}\n", "rank", "player", width, "points");
  for (std::size_t i = 0; i < standings.size(); ++i) {
    fmt::print("{:>5}  {:<{}}  {:>12}\n", i + 1, standings[i].player, width, standings[i].points);
  }
}

// ── The program ─────────────────────────────────────────────────────────────────────────────────

constexpr std::string_view usage =
    "usage: example_player [--all] [FILE]\n"
    "\n"
    "Adds up the points of players. Each line of FILE, or of the standard input if there is no "
    "FILE\n"
    "or it is -, holds a player's name and the points of one score. Bad lines are reported and\n"
    "skipped, blank ones ignored.\n"
    "\n"
    "  --all     print all players, not only the ten best\n"
    "  --help    print this text\n"
    "\n"
    "exit codes: 0 done, 1 the input cannot be read or the game failed, 2 wrong usage\n";

constexpr int exit_done = 0;
constexpr int exit_failure = 1;
constexpr int exit_usage = 2;

struct Options {
  std::string path = "-";
  std::size_t rows = 10;
  bool help = false;
};

/// What the command line asks for, or what is wrong with it.
coerce::Result<Options, std::string> parse_arguments(std::span<char* const> arguments) {
  Options options;
  bool has_path = false;
  for (const std::string_view argument : arguments) {
    if (argument == "--help") {
      options.help = true;
    } else if (argument == "--all") {
      options.rows = std::numeric_limits<std::size_t>::max();
    } else if (argument.size() > 1 && argument.front() == '-') {
      return coerce::unexpected(fmt::format("unknown option {}", argument));
    } else if (std::exchange(has_path, true)) {
      return coerce::unexpected(std::string("more than one FILE"));
    } else {
      options.path = argument;
    }
  }
  return options;
}

/// Plays the whole input and prints the result. Returns the program's exit code.
coerce::Task<int> play(coerce::ActorSystem& system, ScoreReader& reader, const Options& options) {
  const auto start = std::chrono::steady_clock::now();
  Players players;
  auto messages = co_await tell_scores(players, reader, system);
  if (!messages) {
    fmt::print(stderr, "example_player: {}\n", messages.error());
    co_return exit_failure;
  }
  auto standings = co_await ask_standings(players);
  if (!standings) {
    fmt::print(stderr, "example_player: {}\n", standings.error());
    co_return exit_failure;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;

  if (reader.unreported_lines() > 0) {
    fmt::print(stderr, "and {} more bad lines\n", reader.unreported_lines());
  }
  if (reader.failed()) {
    fmt::print(stderr, "example_player: cannot read {}\n", options.path);
    co_return exit_failure;
  }

  std::size_t points = 0;
  for (const auto& standing : *standings) points += standing.points;
  print_table(*standings, options.rows);
  fmt::print("\n{} points in {} scores, {} bad lines skipped\n", points, *messages,
             reader.bad_lines());
  fmt::print("{} actors, {} messages in {:.3f} s, reading included: {:.0f} messages/s\n",
             system.actor_count(), *messages, took.count(),
             static_cast<double>(*messages) / std::max(took.count(), 1e-9));
  co_return exit_done;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse_arguments(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
  if (!options) {
    fmt::print(stderr, "example_player: {}\n\n{}", options.error(), usage);
    return exit_usage;
  }
  if (options->help) {
    fmt::print("{}", usage);
    return exit_done;
  }

  std::ios::sync_with_stdio(false);
  std::ifstream file;
  if (options->path != "-") {
    file.open(options->path);
    if (!file) {
      fmt::print(stderr, "example_player: cannot open {}: {}\n", options->path,
                 std::generic_category().message(errno));
      return exit_failure;
    }
  }
  ScoreReader reader(options->path == "-" ? std::cin : file);
  return coerce::run([&](coerce::ActorSystem& system) { return play(system, reader, *options); });
}
