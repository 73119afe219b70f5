/// \file
/// Where a system's journals are kept.

#pragma once

#include <memory>

#include <coerce/persistence/journal.hpp>

namespace coerce {

/// A handle to a store; copies share it. Thread-safe.
class StorageProvider {
 public:
  virtual ~StorageProvider() = default;

  /// The store; lives as long as somebody keeps it.
  virtual std::shared_ptr<JournalStorage> journal_storage() const = 0;

 protected:
  StorageProvider() = default;
  StorageProvider(const StorageProvider&) = default;
  StorageProvider& operator=(const StorageProvider&) = default;
};

}  // namespace coerce
