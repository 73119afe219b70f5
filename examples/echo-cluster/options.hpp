/// \file
/// The words of the command line.

#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <coerce/remote.hpp>

namespace echo {

extern const std::string_view usage;

enum class Command { Host, Ask, Help };

struct Options {
  Command command = Command::Help;
  std::optional<coerce::NodeId> id;
  std::string listen = "127.0.0.1:0";
  std::vector<std::string> seeds;
  std::optional<coerce::TlsOptions> tls;
  coerce::Duration patience = std::chrono::seconds(10);  ///< with the joining
  std::vector<std::string> words;                        ///< to ask for
};

/// An error is a sentence for the user.
coerce::Result<Options, std::string> parse(std::span<char* const> arguments);

}  // namespace echo
