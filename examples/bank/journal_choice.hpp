/// \file
/// The store that the command line names.

#pragma once

#include <memory>
#include <string>
#include <utility>

#include <coerce/persistence.hpp>

namespace bank {

/// A store that was chosen when the program ran.
class ChosenStorage final : public coerce::StorageProvider {
 public:
  explicit ChosenStorage(std::shared_ptr<coerce::JournalStorage> storage)
      : storage_(std::move(storage)) {}

  std::shared_ptr<coerce::JournalStorage> journal_storage() const override { return storage_; }

 private:
  std::shared_ptr<coerce::JournalStorage> storage_;
};

/// `memory`, a URI of a Redis server (redis://host:port, unix:///path), or the path of a SQLite
/// file.
coerce::Task<coerce::Result<ChosenStorage, std::string>> open_journal(std::string name);

}  // namespace bank
