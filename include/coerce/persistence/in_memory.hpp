/// \file
/// Journals that live as long as their process.

#pragma once

#include <memory>

#include <coerce/persistence/storage_provider.hpp>

namespace coerce {

/// Keeps journals in memory, for tests and for systems whose actors outlive only each other. Copies
/// share one store. Never waits; every operation is done when it is begun.
class InMemoryStorageProvider final : public StorageProvider {
 public:
  explicit InMemoryStorageProvider(const JournalLimits& limits = {});

  std::shared_ptr<JournalStorage> journal_storage() const override;

 private:
  std::shared_ptr<JournalStorage> storage_;
};

}  // namespace coerce
