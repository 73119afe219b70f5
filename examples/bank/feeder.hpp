/// \file
/// Carries out the transfers of a file.

#pragma once

#include <cstddef>
#include <string>

#include <coerce/actor.hpp>

#include "account.hpp"

namespace bank {

struct RunOptions {
  std::string file{};
  std::string acks = "bank.acks";
  std::size_t in_flight = 256;  ///< transfers under way at a time
};

/// Carries out what of the file has not been settled before, on a system that has a store. Prints
/// how far it is, and the sum of all accounts at the end. Returns the exit code of the program.
coerce::Task<int> run_bank(coerce::ActorSystem system, RunOptions options);

}  // namespace bank
