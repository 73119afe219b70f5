#include <coerce/persistence/projection.hpp>

#include <stdexcept>

#include <fmt/format.h>

#include <coerce/actor/scheduled_notify.hpp>
#include <coerce/persistence/durable_state.hpp>
#include <coerce/persistence/persistence.hpp>
#include <coerce/runtime/sleep.hpp>

namespace coerce {

ProjectionOptions& ProjectionOptions::poll(Duration period) {
  if (period <= Duration::zero())
    throw std::invalid_argument("ProjectionOptions: poll must be above zero");
  poll_ = period;
  return *this;
}

ProjectionOptions& ProjectionOptions::save_every(std::size_t events) {
  if (events == 0) throw std::invalid_argument("ProjectionOptions: save_every must not be 0");
  save_every_ = events;
  return *this;
}

namespace detail {

struct ReadOn {};
struct GetOffset {
  using Result = std::uint64_t;
};

class ProjectionActor : public Actor {
 public:
  static constexpr std::string_view type_name = "Projection";

  ProjectionActor(ProjectionOptions options, ProjectionHandler handler)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        place_("Offset", 0, "projection/" + options_.name()) {
    place_.journal_.keep_where(options_.events_of());
  }

  Task<void> started(ActorContext& context) {
    const auto loaded = co_await place_.load(context, Retry::max_attempts(1));
    if (!loaded) throw PersistFailed(loaded.error());
    offset_ = *place_;
    context.actor_ref<ProjectionActor>().notify(ReadOn{});
  }

  Task<void> stopped(ActorContext& context) {
    co_await save(context, PersistFailurePolicy::return_err());
  }

  Task<void> handle(ReadOn, ActorContext& context) {
    const bool more = co_await read_on(context);
    const auto self = context.actor_ref<ProjectionActor>();
    if (more)
      self.notify(ReadOn{});
    else
      self.scheduled_notify(ReadOn{}, options_.poll());
  }
  std::uint64_t handle(GetOffset, ActorContext&) const noexcept { return offset_; }

 private:
  /// Handles one batch. False: there is no more for now.
  Task<bool> read_on(ActorContext& context) {
    const auto found = co_await read(context);
    if (!found) co_return false;
    for (const TaggedEntry& event : found->entries) {
      const bool handled = co_await handle_one(event, context);
      if (!handled) co_return false;
      offset_ = event.offset + 1;
      if (++unsaved_ >= options_.save_every()) co_await save(context, {});
    }
    offset_ = found->next_offset;
    if (unsaved_ != 0) co_await save(context, {});
    co_return !found->entries.empty();
  }

  /// None: asked to stop.
  Task<std::optional<TaggedEntries>> read(ActorContext& context) {
    const auto* extension = context.system().extension<PersistenceExtension>();
    const Persistence& persistence = extension->persistence();
    for (std::uint32_t failures = 1;; ++failures) {
      const auto& storage = persistence.storage_of(options_.events_of());
      auto found =
          co_await storage->read_by_tag(options_.tag(), offset_, persistence.options().read_bytes);
      if (found) co_return std::move(*found);
      const bool again = co_await try_again(failures, found.error().to_string(), context);
      if (!again) co_return std::nullopt;
    }
  }

  Task<bool> handle_one(const TaggedEntry& event, ActorContext& context) {
    for (std::uint32_t failures = 1;; ++failures) {
      if (context.stop_token().stop_requested()) co_return false;
      std::string failure;
      try {
        const auto handled = co_await handler_(event);
        if (handled) co_return true;
        failure = handled.error().to_string();
      } catch (const std::exception& error) {
        failure = error.what();
      } catch (...) {
        failure = "something that is no std::exception was thrown";
      }
      const bool again =
          co_await try_again(failures,
                             fmt::format("event {} of {} was not handled: {}", event.entry.sequence,
                                         event.persistence_id, failure),
                             context);
      if (!again) co_return false;
    }
  }

  /// Waits before the next try. False: asked to stop. Throws when there is none.
  Task<bool> try_again(std::uint32_t failures, std::string why, ActorContext& context) {
    if (!options_.retry().allows(failures)) throw std::runtime_error(why);
    if ((failures & (failures - 1)) == 0)  // 1, 2, 4, 8, ...
      context.log().warn("failed {} times, trying again: {}", failures, why);
    co_return co_await sleep_for(options_.retry().delay(failures));
  }

  Task<void> save(ActorContext& context, PersistFailurePolicy policy) {
    if (offset_ == *place_) co_return;
    const auto saved = co_await place_.set(offset_, context, policy);
    if (saved)
      unsaved_ = 0;
    else
      context.log().warn("the place was not stored: {}", saved.error().to_string());
  }

  ProjectionOptions options_;
  ProjectionHandler handler_;
  DurableState<std::uint64_t> place_;
  std::uint64_t offset_ = 0;  ///< of the next event
  std::size_t unsaved_ = 0;
};

}  // namespace detail

struct Projection::Running {
  LocalActorRef<detail::ProjectionActor> actor;
};

Projection::Projection(LocalActorRef<detail::ProjectionActor> actor)
    : running_(std::make_unique<Running>(std::move(actor))) {}

Projection::Projection(Projection&&) noexcept = default;

Projection::~Projection() {
  if (running_) running_->actor.notify_stop();
}

Task<Result<Projection>> Projection::begin(ActorSystem system, ProjectionOptions options,
                                           detail::ProjectionHandler handler) {
  ActorId id("projection/" + options.name());
  auto started = co_await system.new_actor<detail::ProjectionActor>(
      std::move(id), std::move(options), std::move(handler));
  if (!started) co_return coerce::unexpected(std::move(started.error()));
  co_return Projection(std::move(*started));
}

Task<Result<void>> Projection::stop() {
  const LocalActorRef<detail::ProjectionActor> actor = running_->actor;
  co_return co_await actor.stop();
}

bool Projection::is_running() const noexcept { return running_->actor.is_valid(); }

Task<Result<std::uint64_t>> Projection::offset() const {
  const LocalActorRef<detail::ProjectionActor> actor = running_->actor;
  co_return co_await actor.send(detail::GetOffset{});
}

}  // namespace coerce
