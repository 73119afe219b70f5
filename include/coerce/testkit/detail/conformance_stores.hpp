/// \file
/// Whatever makes a store, as one type.

#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <coerce/coordination/lease_store.hpp>
#include <coerce/persistence/storage_provider.hpp>
#include <coerce/runtime/task.hpp>

namespace coerce::testkit::conformance::detail {

/// How the suite gets stores of one kind.
template <class Store, class Err>
struct Stores {
  using Opened = Result<std::shared_ptr<Store>, Err>;

  /// With the same name again: the same store, opened once more, if `named`.
  std::function<Task<Opened>(std::string name)> open;
  bool named = false;
};
using JournalStores = Stores<JournalStorage, JournalErr>;
using LeaseStores = Stores<LeaseStore, LeaseErr>;

template <class T>
inline constexpr bool is_result = false;
template <class T, class E>
inline constexpr bool is_result<Result<T, E>> = true;

/// A provider, or a pointer to one, or to a lease store, as the store itself.
template <class Store, class Err, class T>
typename Stores<Store, Err>::Opened store_of(T made) {
  if constexpr (is_result<T>) {
    if (!made) return coerce::unexpected(Err(std::move(made.error())));
    return store_of<Store, Err>(std::move(*made));
  } else if constexpr (std::convertible_to<T, std::shared_ptr<Store>>) {
    return std::shared_ptr<Store>(std::move(made));
  } else if constexpr (requires { made.journal_storage(); }) {
    return made.journal_storage();
  } else {
    static_assert(
        requires { made->journal_storage(); },
        "A factory gives a provider, a std::shared_ptr of one, a Result of these, or a Task of "
        "these; one of leases gives std::shared_ptr<LeaseStore>.");
    return made->journal_storage();
  }
}

template <class Store, class Err, class F>
Task<typename Stores<Store, Err>::Opened> open_store(std::shared_ptr<F> factory, std::string name) {
  const auto make = [&] {
    if constexpr (std::invocable<F&, const std::string&>)
      return (*factory)(std::as_const(name));
    else
      return (*factory)();
  };
  auto made = make();
  if constexpr (coerce::detail::is_task<decltype(made)>) {
    auto awaited = co_await made;
    co_return store_of<Store, Err>(std::move(awaited));
  } else {
    co_return store_of<Store, Err>(std::move(made));
  }
}

template <class Store, class Err, class F>
Stores<Store, Err> stores_of(F factory) {
  Stores<Store, Err> stores;
  stores.named = std::invocable<F&, const std::string&>;
  stores.open = [kept = std::make_shared<F>(std::move(factory))](std::string name) {
    return open_store<Store, Err>(kept, std::move(name));
  };
  return stores;
}

template <class F>
concept StoreFactory = std::invocable<F&, const std::string&> || std::invocable<F&>;

}  // namespace coerce::testkit::conformance::detail
