/// \file
/// The inside of a pool of workers.

#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <coerce/actor/system.hpp>
#include <coerce/runtime/detail/spin_lock.hpp>

namespace coerce {

enum class WorkerStrategy : std::uint8_t {
  RoundRobin,   ///< one after the other
  LeastLoaded,  ///< the one with the fewest unanswered dispatches
};

struct WorkerOptions {
  WorkerStrategy strategy = WorkerStrategy::RoundRobin;
  std::size_t limit = 10'000;  ///< unanswered dispatches of the whole pool; one more is Overloaded
};
static_assert(std::is_trivially_destructible_v<WorkerOptions>);

namespace detail {

/// Who is in the pool and what they have to do; shared by the pool and its references.
class WorkerTable : public std::enable_shared_from_this<WorkerTable> {
  struct Member {
    explicit Member(CellRef worker) noexcept : cell(std::move(worker)) {}
    const CellRef cell;
    std::size_t outstanding = 0;  // under the table's lock, like the rest
    bool retired = false;         // stops when nothing is outstanding
  };

 public:
  static constexpr std::size_t kMostMembers = 4096;

  explicit WorkerTable(WorkerOptions options) noexcept : options_(options) {}

  /// A place in the queue of a member, until it is destroyed.
  class Lease {
   public:
    Lease(std::shared_ptr<WorkerTable> table, std::shared_ptr<Member> member) noexcept
        : table_(std::move(table)), member_(std::move(member)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (member_ != nullptr) table_->give_back(*member_);
    }
    const CellRef& cell() const noexcept { return member_->cell; }

   private:
    std::shared_ptr<WorkerTable> table_;
    std::shared_ptr<Member> member_;
  };

  /// Errors: Overloaded, ActorUnavailable.
  Result<Lease> take();

  void set_strategy(WorkerStrategy strategy) noexcept;
  WorkerStrategy strategy() const noexcept;
  std::size_t size() const noexcept;
  std::size_t outstanding() const noexcept;

  // By the pool.
  /// New places are vacant; members that have none any more retire.
  void resize(std::size_t count);
  std::optional<std::size_t> vacant_from(std::size_t place) const noexcept;
  void fill(std::size_t place, const CellRef& worker);
  /// The member with this id has ended.
  void vacate(const ActorId& id);

 private:
  void give_back(Member& member) noexcept;
  bool usable(std::size_t place) const noexcept;

  mutable SpinLock lock_;
  WorkerOptions options_;
  std::vector<std::shared_ptr<Member>> members_;  ///< null: vacant
  std::size_t next_ = 0;
  std::size_t outstanding_ = 0;
};

struct ResizePool {
  using Result = void;
  static constexpr std::string_view type_name = "Resize";
  std::size_t count;
};

/// Supervises the workers and puts others into the places of those that have ended.
template <class W, class F>
class WorkerPool : public Actor {
 public:
  static constexpr std::string_view type_name = "WorkerPool";

  WorkerPool(F factory, std::size_t count, std::string prefix, std::shared_ptr<WorkerTable> table)
      : factory_(std::move(factory)),
        first_count_(count),
        prefix_(std::move(prefix)),
        table_(std::move(table)) {}

  Task<void> started(ActorContext& ctx) {
    auto resized = co_await resize(first_count_, ctx);
    if (!resized) throw std::runtime_error(resized.error().to_string());
  }
  void stopped(ActorContext&) { table_->resize(0); }

  Task<Result<void>> handle(ResizePool request, ActorContext& ctx) {
    return resize(request.count, ctx);
  }
  Task<void> handle(ReceiveTimeout, ActorContext& ctx) { (void)co_await fill(ctx); }

  Task<void> on_child_stopped(const ActorId& id, ActorContext& ctx) {
    table_->vacate(id);
    (void)co_await fill(ctx);
  }

 private:
  Task<Result<void>> resize(std::size_t count, ActorContext& ctx) {
    if (count > WorkerTable::kMostMembers)
      co_return coerce::unexpected(ActorRefErr::Overloaded("a pool has at most 4096 members"));
    table_->resize(count);
    co_return co_await fill(ctx);
  }

  // A place whose worker does not start stays vacant until the next try.
  Task<Result<void>> fill(ActorContext& ctx) {
    Result<void> outcome;
    if (ctx.status() >= ActorStatus::Stopping) co_return outcome;
    for (auto place = table_->vacant_from(0); place; place = table_->vacant_from(*place + 1)) {
      ActorId id(prefix_ + '-' + std::to_string(*place));
      auto worker = co_await ctx.spawn(std::move(id), factory_, SupervisorStrategy::restart());
      if (worker)
        table_->fill(*place, worker->cell());
      else if (outcome && worker.error().kind() != ActorRefErr::Kind::AlreadyExists)
        outcome = coerce::unexpected(worker.error());  // else a retired one is about to end
    }
    // Not a Timer, which the system might refuse.
    if (outcome)
      ctx.cancel_receive_timeout();
    else
      (void)ctx.set_receive_timeout(std::chrono::seconds(1));
    co_return outcome;
  }

  F factory_;
  const std::size_t first_count_;
  const std::string prefix_;
  std::shared_ptr<WorkerTable> table_;
};

template <class W>
class CopyOf {
 public:
  explicit CopyOf(const W& worker) : worker_(worker) {}
  explicit CopyOf(W&& worker) : worker_(std::move(worker)) {}
  W operator()() const { return worker_; }

 private:
  W worker_;
};

/// The pool is kept while it is asked.
template <class W, class M>
Task<Result<MessageResult<M>>> dispatch(Result<WorkerTable::Lease> lease,
                                        [[maybe_unused]] BoxedActorRef pool, M message) {
  if (!lease) co_return coerce::unexpected(lease.error());
  const LocalActorRef<W> worker(lease->cell());
  auto answer = co_await worker.send(std::move(message));
  co_return answer;
}

template <class Ref, class W, class F>
Task<Result<Ref>> start_pool(F factory, std::size_t count, std::string prefix, ActorSystem system,
                             WorkerOptions options) {
  using Pool = WorkerPool<W, F>;
  auto table = std::make_shared<WorkerTable>(options);
  auto pool = co_await into_actor<Pool>(std::nullopt, system, factory, count, prefix, table);
  if (!pool) co_return coerce::unexpected(pool.error());
  co_return Ref(std::move(table), *pool);
}

}  // namespace detail
}  // namespace coerce
