/// \file
/// Reads the journals for the audit.

#pragma once

#include <memory>
#include <string>

#include <coerce/persistence.hpp>

namespace bank {

struct CheckOptions {
  std::string file{};
  std::string acks = "bank.acks";
  bool all_settled = false;
};

/// Audits what the store has. It only reads, event by event from the first one, and starts no
/// actor. Prints what it finds; returns the exit code of the program. Not while a bank writes.
/// Has the file of transfers and the acks in memory.
coerce::Task<int> check_bank(std::shared_ptr<coerce::JournalStorage> storage, CheckOptions options);

}  // namespace bank
