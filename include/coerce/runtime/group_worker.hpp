/// \file
/// Blocking work that is cheaper for many requests at once.

#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include <coerce/runtime/task.hpp>

namespace coerce {

struct GroupWorkerOptions {
  std::size_t max_waiting = 65'536;  ///< requests that wait; more are refused. \pre not 0
  std::size_t max_group = 1'024;     ///< requests that are served together. \pre not 0
};

enum class GroupWorkerErr : std::uint8_t {
  Full,      ///< as many requests wait as may: this one was not begun
  NoThread,  ///< the system gives no thread to serve it: not begun; the next request tries again
  Failed,    ///< what serves threw, or gave no answer: perhaps done
};

namespace detail {

class GroupWorkerCore;

struct GroupItem : WakeNode {};

/// The part that knows no types.
class GroupWorkerBase {
 public:
  /// Gives how many at the front it has served; it may order them anew.
  using Serve = std::function<std::size_t(std::span<GroupItem*>)>;

  GroupWorkerBase(Serve serve, const GroupWorkerOptions& options);
  GroupWorkerBase(const GroupWorkerBase&) = delete;
  GroupWorkerBase& operator=(const GroupWorkerBase&) = delete;
  ~GroupWorkerBase();

  /// Why an item is not served; none: it is.
  using Refusal = std::optional<GroupWorkerErr>;

  class [[nodiscard]] Awaiter {
   public:
    Awaiter(GroupWorkerBase& worker, GroupItem& item) noexcept : worker_(worker), item_(item) {}
    bool await_ready() const noexcept { return false; }
    template <UnitPromise P>
    bool await_suspend(std::coroutine_handle<P> caller) {
      item_.unit = caller.promise().unit;
      item_.handle = caller;
      refusal_ = worker_.enqueue(item_);
      return !refusal_;
    }
    Refusal await_resume() const noexcept {
      if (!refusal_) left(item_);
      return refusal_;
    }

   private:
    GroupWorkerBase& worker_;
    GroupItem& item_;
    Refusal refusal_;
  };

  /// Waits until the item has been served.
  Awaiter served(GroupItem& item) noexcept { return Awaiter(*this, item); }

 private:
  Refusal enqueue(GroupItem& item) noexcept;
  static void left(const GroupItem& item) noexcept;

  std::unique_ptr<GroupWorkerCore> core_;
};

}  // namespace detail

/// One thread that serves the requests of many tasks in groups: a writer that commits them
/// together, a connection that sends them in one go. While it serves a group the next one gathers;
/// so a group is as large as the load is high, and a lone request waits for nobody.
///
/// `serve(group)` runs on that thread alone, for one group at a time, in the order of the requests;
/// it gives each item its answer. It may serve a group piece by piece: if it gives a number, then
/// so many at the front have their answers and go on at once, and it is called again with the rest,
/// in the order in which it has left them, before any other group. For tasks of a shuffled
/// scheduler (a test's) there is no thread: a group is served as one of the steps that it draws;
/// each such scheduler has groups of its own, and what others ask for meanwhile waits. The thread
/// is made with the first request. The end of this object waits for the group that is being served;
/// it must not come before the end of the requests. ask() is thread-safe and cannot be cancelled.
template <class Request, class Answer>
class GroupWorker {
 public:
  class Item : public detail::GroupItem {
   public:
    Request request;
    std::optional<Answer> answer;

    explicit Item(Request&& what) : request(std::move(what)) {}
  };
  using Group = std::span<Item*>;

  template <class F>
    requires std::invocable<F&, Group>
  explicit GroupWorker(F serve, const GroupWorkerOptions& options = {})
      : worker_(
            [serve = std::move(serve),
             items = std::vector<Item*>()](std::span<detail::GroupItem*> group) mutable {
              items.clear();
              for (detail::GroupItem* item : group) items.push_back(static_cast<Item*>(item));
              if constexpr (std::is_void_v<std::invoke_result_t<F&, Group>>) {
                serve(Group(items));
                return group.size();
              } else {
                const std::size_t served = serve(Group(items));
                std::ranges::copy(items, group.begin());
                return served;
              }
            },
            options) {}

  /// Waits until the request has been served.
  Task<tl::expected<Answer, GroupWorkerErr>> ask(Request request) {
    Item item(std::move(request));
    const auto refusal = co_await worker_.served(item);
    if (refusal) co_return tl::unexpected(*refusal);
    if (!item.answer) co_return tl::unexpected(GroupWorkerErr::Failed);
    co_return std::move(*item.answer);
  }

 private:
  detail::GroupWorkerBase worker_;
};

}  // namespace coerce
