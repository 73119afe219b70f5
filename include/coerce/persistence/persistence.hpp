/// \file
/// The persistence of a system.

#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include <coerce/actor/detail/cell.hpp>
#include <coerce/actor/extension.hpp>
#include <coerce/persistence/options.hpp>
#include <coerce/persistence/storage_provider.hpp>

namespace coerce {

namespace detail {

class PersistenceExtension;
class RecoverySlots;

}  // namespace detail

/// Where which actors of a system keep their journals. A description, given to
/// ActorSystemBuilder::with_persistence.
class Persistence {
 public:
  /// All of them in `provider`.
  template <class P>
    requires std::derived_from<std::remove_cvref_t<P>, StorageProvider>
  static Persistence from(P&& provider, PersistenceOptions options = {}) {
    return Persistence(provider.journal_storage(), options);
  }
  /// Those of class A in another one: its events if it is a PersistentActor, and what it keeps in a
  /// DurableState.
  template <class A, class P>
    requires std::derived_from<std::remove_cvref_t<P>, StorageProvider>
  Persistence& actor_provider(P&& provider) {
    by_actor_.insert_or_assign(&detail::ActorCell<A>::kType, provider.journal_storage());
    return *this;
  }

  const PersistenceOptions& options() const noexcept { return options_; }
  /// Where this actor keeps its journals.
  const std::shared_ptr<JournalStorage>& storage_of(const ActorContext& context) const;
  /// \param actor_type the address of ActorCell<A>::kType; null: of no class
  const std::shared_ptr<JournalStorage>& storage_of(const void* actor_type) const;
  /// Of the actors whose class has no provider of its own.
  const std::shared_ptr<JournalStorage>& storage() const noexcept { return storage_; }

 private:
  /// Throws std::invalid_argument that names the option.
  Persistence(std::shared_ptr<JournalStorage> storage, const PersistenceOptions& options);

  std::shared_ptr<JournalStorage> storage_;
  PersistenceOptions options_;
  std::unordered_map<const void*, std::shared_ptr<JournalStorage>> by_actor_;
};

namespace detail {

/// What a system has that was built with_persistence().
class PersistenceExtension final : public SystemExtension {
 public:
  explicit PersistenceExtension(Persistence persistence);
  ~PersistenceExtension() override;

  std::string_view name() const noexcept override { return "persistence"; }
  const Persistence& persistence() const noexcept { return persistence_; }
  RecoverySlots& recovery_slots() noexcept { return *slots_; }

 private:
  Persistence persistence_;
  std::unique_ptr<RecoverySlots> slots_;
};

/// PersistenceOptions::read_bytes of the actor's system.
std::size_t read_bytes(const ActorContext& context) noexcept;

}  // namespace detail

std::shared_ptr<detail::PersistenceExtension> make_extension(Persistence persistence);
template <class P>
  requires std::derived_from<std::remove_cvref_t<P>, StorageProvider>
std::shared_ptr<detail::PersistenceExtension> make_extension(P&& provider) {
  return make_extension(Persistence::from(std::forward<P>(provider)));
}

}  // namespace coerce
