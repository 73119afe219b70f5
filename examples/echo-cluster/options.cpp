#include "options.hpp"

#include <charconv>
#include <cstdint>
#include <system_error>
#include <utility>

namespace echo {

const std::string_view usage =
    "usage: example_echo_cluster host [OPTION]...\n"
    "       example_echo_cluster ask --seed HOST:PORT [OPTION]... [--] TEXT...\n"
    "\n"
    "host has the actor `echo-actor`, until it is ended with SIGINT or SIGTERM. ask joins it, "
    "finds\n"
    "the actor wherever it is, prints what it answers to each text, and leaves.\n"
    "\n"
    "  --seed HOST:PORT    a node that is there already; may be given several times\n"
    "  --listen HOST:PORT  where others reach this node (default: 127.0.0.1:0, a free port)\n"
    "  --id NUMBER         of this node (default: drawn at random)\n"
    "  --patience SECONDS  how long to try to join (default: 10)\n"
    "  --tls CERT KEY CA   talk over TLS: three files in PEM format, see the README\n"
    "  --help              print this text\n"
    "\n"
    "exit codes: 0 done, 1 it failed, 2 wrong usage\n";

namespace {

using Words = std::span<char* const>;
using Failure = tl::unexpected<std::string>;

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

coerce::Result<Command, std::string> command_of(std::string_view word) {
  if (word == "host") return Command::Host;
  if (word == "ask") return Command::Ask;
  if (word == "--help") return Command::Help;
  return Failure("there is no command '" + std::string(word) + "'");
}

/// What one option says, with the words behind it. An error is what is wrong with it.
std::optional<std::string> apply(std::string_view option, Words values, Options& options) {
  if (option == "--seed") {
    options.seeds.emplace_back(values[0]);
  } else if (option == "--listen") {
    options.listen = values[0];
  } else if (option == "--tls") {
    options.tls.emplace(values[0], values[1], values[2]);
  } else if (option == "--id") {
    options.id = number_of(values[0]);
    if (!options.id || *options.id == 0 || *options.id > coerce::kMaxNodeId)
      return "--id takes a number from 1 to 9223372036854775807";
  } else if (option == "--patience") {
    const auto seconds = number_of(values[0]);
    if (!seconds || *seconds == 0 || *seconds > 3600)
      return "--patience takes seconds from 1 to 3600";
    options.patience = std::chrono::seconds(*seconds);
  }
  return std::nullopt;
}

/// How many words stand behind an option; none if there is no such option.
std::optional<std::size_t> values_of(std::string_view option) {
  if (option == "--tls") return 3;
  if (option == "--seed" || option == "--listen" || option == "--id" || option == "--patience")
    return 1;
  return std::nullopt;
}

}  // namespace

coerce::Result<Options, std::string> parse(Words arguments) {
  if (arguments.size() < 2) return Failure("say host or ask");
  Options options;
  const auto command = command_of(arguments[1]);
  if (!command) return Failure(command.error());
  options.command = *command;

  Words rest = arguments.subspan(2);
  bool only_texts = false;
  while (!rest.empty()) {
    const std::string_view word = rest[0];
    rest = rest.subspan(1);
    if (only_texts || !word.starts_with("--")) {
      options.words.emplace_back(word);
    } else if (word == "--") {
      only_texts = true;
    } else if (word == "--help") {
      options.command = Command::Help;
    } else {
      const auto count = values_of(word);
      if (!count) return Failure("there is no option '" + std::string(word) + "'");
      if (rest.size() < *count) return Failure(std::string(word) + " needs more words");
      if (auto wrong = apply(word, rest, options)) return Failure(std::move(*wrong));
      rest = rest.subspan(*count);
    }
  }

  if (options.command == Command::Ask && options.seeds.empty())
    return Failure("ask needs --seed, the address that a host has printed");
  if (options.command == Command::Ask && options.words.empty()) return Failure("ask needs a text");
  if (options.command == Command::Host && !options.words.empty())
    return Failure("host takes no text");
  return options;
}

}  // namespace echo
