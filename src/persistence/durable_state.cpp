#include <coerce/persistence/durable_state.hpp>

#include <coerce/actor/log.hpp>
#include <coerce/actor/system.hpp>
#include <coerce/persistence/persistence.hpp>
#include <coerce/runtime/sleep.hpp>

#include "persistence/stopping.hpp"

namespace coerce::detail {

namespace {

/// So many old revisions wait for their deletion, that each costs little.
constexpr std::uint32_t kDeleteEvery = 64;

/// Without '/', so that the last one of a persistence id is the one behind the actor's id.
std::string escaped(std::string_view type) {
  std::string text;
  for (const char c : type) {
    if (c == '%')
      text += "%25";
    else if (c == '/')
      text += "%2F";
    else
      text += c;
  }
  return text;
}

PersistErr not_configured(std::string why) {
  return PersistErr(PersistErr::Kind::NotConfigured, std::move(why));
}

}  // namespace

StateJournal::StateJournal(std::string type, std::string persistence_id)
    : type_(std::move(type)), persistence_id_(std::move(persistence_id)) {}

Task<PersistResult<std::optional<JournalEntry>>> StateJournal::load(Retry retry,
                                                                    ActorContext& context) {
  using Loaded = PersistResult<std::optional<JournalEntry>>;
  const auto* extension = context.system().extension<PersistenceExtension>();
  if (extension == nullptr)
    co_return Loaded(coerce::unexpected(not_configured("the system has no store")));
  if (persistence_id_.empty()) persistence_id_ = context.id().str() + "/" + escaped(type_);
  const Persistence& persistence = extension->persistence();
  session_ = std::make_unique<JournalSession>(
      kept_where_ ? persistence.storage_of(*kept_where_) : persistence.storage_of(context),
      persistence_id_);
  for (std::uint32_t failures = 1;; ++failures) {
    auto found = co_await open_and_read(context);
    if (found) {
      superseded_ = kDeleteEvery;  // what earlier lives have left goes with the next revision
      co_return Loaded(std::move(*found));
    }
    const JournalErr& error = found.error();
    auto kind = error.kind() == JournalErr::Kind::Fenced ? PersistErr::Kind::Fenced
                                                         : PersistErr::Kind::Storage;
    const bool may_pass =
        error.kind() == JournalErr::Kind::Unavailable || error.kind() == JournalErr::Kind::Unknown;
    if (may_pass && retry.allows(failures)) {
      const bool waited = co_await sleep_for(retry.delay(failures));
      if (waited) continue;
      if (stop_requested(context)) kind = PersistErr::Kind::ActorStopping;
    }
    session_.reset();
    co_return Loaded(coerce::unexpected(PersistErr(kind, error.to_string())));
  }
}

Task<JournalResult<std::optional<JournalEntry>>> StateJournal::open_and_read(
    ActorContext& context) {
  using Found = JournalResult<std::optional<JournalEntry>>;
  const auto opened = co_await session_->open(context);
  if (!opened) co_return Found(coerce::unexpected(opened.error()));
  const std::int64_t head = opened->head;
  if (head == opened->base) co_return Found(std::nullopt);
  auto entries = co_await session_->storage().read(persistence_id_, head, head + 1, 1);
  if (!entries) co_return Found(coerce::unexpected(std::move(entries.error())));
  if (entries->size() != 1) {
    JournalErr missing(JournalErr::Kind::Corrupt, "the latest revision is missing");
    co_return Found(coerce::unexpected(std::move(missing)));
  }
  co_return Found(std::move(entries->front()));
}

Task<PersistResult<void>> StateJournal::store(Bytes bytes, PersistFailurePolicy policy,
                                              ActorContext& context) {
  if (!session_) co_return coerce::unexpected(not_configured("the state has not been loaded"));
  std::vector<JournalEntry> revision(1);
  revision.front().payload_type = type_;
  revision.front().bytes = std::move(bytes);
  auto written = co_await session_->append(std::move(revision), policy, context);
  if (written && ++superseded_ >= kDeleteEvery) {
    // The new value is there; what is not deleted now is deleted later.
    const auto deleted = co_await session_->delete_events_to(
        session_->head(), PersistFailurePolicy::return_err(), context);
    if (deleted)
      superseded_ = 0;
    else
      context.log().warn("old revisions were not deleted: {}", deleted.error().to_string());
  }
  co_return written;
}

}  // namespace coerce::detail
