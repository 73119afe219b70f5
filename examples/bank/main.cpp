// A bank. Every account is a persistent actor; a file of transfers is carried out, each exactly
// once, however often the program is killed on its way and started again.

#include <charconv>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <coerce/persistence.hpp>

#include "check.hpp"
#include "feeder.hpp"
#include "journal_choice.hpp"

namespace {

constexpr std::string_view usage =
    "usage: example_bank run   [--journal WHERE] [--acks FILE] [--in-flight N] TRANSFERS\n"
    "       example_bank check [--journal WHERE] [--acks FILE] [--all-settled] TRANSFERS\n"
    "\n"
    "run carries out the transfers of a file, each line `number from to amount`, each exactly "
    "once:\n"
    "killed and started again it goes on where it was. check reads the journals and proves that "
    "no\n"
    "acknowledged transfer is lost or doubled and that no money came or went.\n"
    "\n"
    "  --journal WHERE  bank.db (default) or another SQLite file, redis://host:port, or memory\n"
    "  --acks FILE      where acknowledged transfers are written down (default: bank.acks)\n"
    "  --in-flight N    transfers under way at a time, 1 to 4096 (default: 256)\n"
    "  --check          run: check at the end, in the same process\n"
    "  --all-settled    check: a transfer that is not settled is a fault\n"
    "  --help           print this text\n"
    "\n"
    "exit codes: 0 done or sound, 1 it failed or is not sound, 2 wrong usage\n";

constexpr int exit_usage = 2;

struct Options {
  std::string command{};
  std::string journal = "bank.db";
  bank::RunOptions run{};
  bool all_settled = false;
  bool check = false;
  bool help = false;

  bank::CheckOptions checking(bool all) const {
    return {.file = run.file, .acks = run.acks, .all_settled = all};
  }
};

tl::unexpected<std::string> wrong(std::string what) { return coerce::unexpected(std::move(what)); }

std::optional<std::size_t> in_flight_of(std::string_view text) {
  std::size_t number = 0;
  const char* end = text.data() + text.size();
  if (std::from_chars(text.data(), end, number).ptr != end) return std::nullopt;
  if (number == 0 || number > bank::max_batch) return std::nullopt;
  return number;
}

/// What the command line asks for, or what is wrong with it.
coerce::Result<Options, std::string> parse_arguments(std::span<char* const> arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const bool has_value =
        argument == "--journal" || argument == "--acks" || argument == "--in-flight";
    if (has_value && ++i == arguments.size())
      return wrong(fmt::format("{} takes a value", argument));
    if (argument == "--journal") {
      options.journal = arguments[i];
    } else if (argument == "--acks") {
      options.run.acks = arguments[i];
    } else if (argument == "--in-flight") {
      const auto number = in_flight_of(arguments[i]);
      if (!number) return wrong(fmt::format("--in-flight is 1 to {}", bank::max_batch));
      options.run.in_flight = *number;
    } else if (argument == "--all-settled") {
      options.all_settled = true;
    } else if (argument == "--check") {
      options.check = true;
    } else if (argument == "--help") {
      options.help = true;
      return options;
    } else if (argument.starts_with("-")) {
      return wrong(fmt::format("unknown option {}", argument));
    } else if (options.command.empty()) {
      options.command = argument;
    } else if (options.run.file.empty()) {
      options.run.file = argument;
    } else {
      return wrong("more than one file of transfers");
    }
  }
  if (options.command != "run" && options.command != "check") return wrong("say run or check");
  if (options.run.file.empty()) return wrong("the file of transfers is missing");
  if (options.command == "check" && options.journal == "memory")
    return wrong("a journal in memory ends with its program: run --check");
  return options;
}

coerce::Task<int> run_and_check(coerce::ActorSystem system,
                                std::shared_ptr<coerce::JournalStorage> storage, Options options) {
  const bank::CheckOptions checking = options.checking(true);
  const int code = co_await bank::run_bank(std::move(system), std::move(options.run));
  if (code != 0 || !options.check) co_return code;
  co_return co_await bank::check_bank(std::move(storage), checking);
}

/// Without persistence of its own: it starts no actors.
int check(const bank::ChosenStorage& journal, const Options& options) {
  const auto storage = journal.journal_storage();
  return coerce::run([&](coerce::ActorSystem&) {
    return bank::check_bank(storage, options.checking(options.all_settled));
  });
}

int carry_out(const bank::ChosenStorage& journal, const Options& options) {
  return coerce::run(coerce::ActorSystem::builder().with_persistence(journal),
                     [&](coerce::ActorSystem& system) {
                       return run_and_check(system, journal.journal_storage(), options);
                     });
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse_arguments(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
  if (!options) {
    fmt::print(stderr, "example_bank: {}\n\n{}", options.error(), usage);
    return exit_usage;
  }
  if (options->help) {
    fmt::print("{}", usage);
    return 0;
  }

  // The store comes first: the system is built with it.
  const auto journal = coerce::ActorSystem().block_on(bank::open_journal(options->journal));
  if (!journal) {
    fmt::print(stderr, "example_bank: {}: {}\n", options->journal, journal.error());
    return 1;
  }
  return options->command == "run" ? carry_out(*journal, *options) : check(*journal, *options);
}
