#include <coerce/actor/error.hpp>

#include <array>

#include <fmt/format.h>

namespace coerce {

struct ActorRefErr::Details {
  ActorId actor_id{};
  std::string message_type{};
  std::string actor_type{};
  std::string detail{};
  Duration time_taken{};

  friend bool operator==(const Details&, const Details&) = default;
};

namespace {
constexpr std::size_t kMaxDetail = 4096;
}

const ActorId& ActorRefErr::actor_id() const noexcept {
  static const ActorId none;
  return details_ ? details_->actor_id : none;
}
std::string_view ActorRefErr::message_type() const noexcept {
  return details_ ? std::string_view(details_->message_type) : std::string_view();
}
std::string_view ActorRefErr::actor_type() const noexcept {
  return details_ ? std::string_view(details_->actor_type) : std::string_view();
}
std::string_view ActorRefErr::detail() const noexcept {
  return details_ ? std::string_view(details_->detail) : std::string_view();
}
Duration ActorRefErr::time_taken() const noexcept {
  return details_ ? details_->time_taken : Duration();
}

ActorRefErr ActorRefErr::about(ActorId id, std::string_view message_type,
                               std::string_view actor_type) const {
  ActorRefErr error(kind_, outcome_);
  auto details = details_ ? std::make_shared<Details>(*details_) : std::make_shared<Details>();
  details->actor_id = std::move(id);
  details->message_type = message_type;
  details->actor_type = actor_type;
  error.details_ = std::move(details);
  return error;
}

std::string ActorRefErr::to_string() const {
  std::string text(coerce::to_string(kind_));
  if (!details_) return text;
  if (!actor_id().empty()) text += fmt::format(" actor={}", actor_id().view());
  if (!actor_type().empty()) text += fmt::format(" actor_type={}", actor_type());
  if (!message_type().empty()) text += fmt::format(" message={}", message_type());
  if (time_taken() != Duration())
    text += fmt::format(
        " after={}ms", std::chrono::duration_cast<std::chrono::milliseconds>(time_taken()).count());
  if (!detail().empty()) text += fmt::format(": {}", detail());
  return text;
}

ActorRefErr ActorRefErr::with_detail(Kind kind, Outcome outcome, std::string_view detail) {
  ActorRefErr error(kind, outcome);
  if (!detail.empty())
    error.details_ =
        std::make_shared<Details>(Details{.detail = std::string(detail.substr(0, kMaxDetail))});
  return error;
}

ActorRefErr detail::ErrorAccess::restore(ActorRefErrKind kind, ActorRefErrOutcome outcome,
                                         ActorId actor_id, std::string_view message_type,
                                         std::string_view actor_type, std::string_view detail,
                                         Duration time_taken) {
  ActorRefErr error(kind, outcome);
  error.details_ = std::make_shared<ActorRefErr::Details>(
      ActorRefErr::Details{.actor_id = std::move(actor_id),
                           .message_type = std::string(message_type),
                           .actor_type = std::string(actor_type),
                           .detail = std::string(detail),
                           .time_taken = time_taken});
  return error;
}

ActorRefErr ActorRefErr::ActorUnavailable(std::string_view detail) {
  return with_detail(Kind::ActorUnavailable, Outcome::NotDelivered, detail);
}
ActorRefErr ActorRefErr::NotFound(ActorId id) {
  ActorRefErr error(Kind::NotFound, Outcome::NotDelivered);
  error.details_ = std::make_shared<Details>(Details{.actor_id = std::move(id)});
  return error;
}
ActorRefErr ActorRefErr::AlreadyExists(ActorId id) {
  ActorRefErr error(Kind::AlreadyExists, Outcome::NotDelivered);
  error.details_ = std::make_shared<Details>(Details{.actor_id = std::move(id)});
  return error;
}
ActorRefErr ActorRefErr::Serialisation(std::string_view detail) {
  return with_detail(Kind::Serialisation, Outcome::NotDelivered, detail);
}
ActorRefErr ActorRefErr::Deserialisation(std::string_view detail) {
  return with_detail(Kind::Deserialisation, Outcome::NotDelivered, detail);
}
ActorRefErr ActorRefErr::Timeout(Duration time_taken) {
  ActorRefErr error(Kind::Timeout, Outcome::Unknown);
  error.details_ = std::make_shared<Details>(Details{.time_taken = time_taken});
  return error;
}
ActorRefErr ActorRefErr::ActorStartFailed(std::string_view detail) {
  return with_detail(Kind::ActorStartFailed, Outcome::NotDelivered, detail);
}
ActorRefErr ActorRefErr::InvalidRef() { return {Kind::InvalidRef, Outcome::NotDelivered}; }
ActorRefErr ActorRefErr::ResultChannelClosed() {
  return {Kind::ResultChannelClosed, Outcome::NotDelivered};
}
ActorRefErr ActorRefErr::ResultSendFailed() { return {Kind::ResultSendFailed, Outcome::Handled}; }
ActorRefErr ActorRefErr::NotSupported(ActorId id, std::string_view message_type,
                                      std::string_view actor_type, std::string_view detail) {
  ActorRefErr error(Kind::NotSupported, Outcome::NotDelivered);
  error.details_ = std::make_shared<Details>(Details{.actor_id = std::move(id),
                                                     .message_type = std::string(message_type),
                                                     .actor_type = std::string(actor_type),
                                                     .detail = std::string(detail)});
  return error;
}
ActorRefErr ActorRefErr::NotImplemented() { return {Kind::NotImplemented, Outcome::NotDelivered}; }
ActorRefErr ActorRefErr::HandlerFailed(std::string_view detail) {
  return with_detail(Kind::HandlerFailed, Outcome::Handled, detail);
}
ActorRefErr ActorRefErr::MailboxFull() { return {Kind::MailboxFull, Outcome::NotDelivered}; }
ActorRefErr ActorRefErr::Unreachable(std::string_view detail) {
  return with_detail(Kind::Unreachable, Outcome::Unknown, detail);
}
ActorRefErr ActorRefErr::Unauthorised(std::string_view detail) {
  return with_detail(Kind::Unauthorised, Outcome::NotDelivered, detail);
}
ActorRefErr ActorRefErr::Cancelled() { return {Kind::Cancelled, Outcome::Unknown}; }
ActorRefErr ActorRefErr::Fenced(std::string_view detail) {
  return with_detail(Kind::Fenced, Outcome::Unknown, detail);
}
ActorRefErr ActorRefErr::Overloaded(std::string_view detail) {
  return with_detail(Kind::Overloaded, Outcome::NotDelivered, detail);
}

bool operator==(const ActorRefErr& a, const ActorRefErr& b) noexcept {
  if (a.kind_ != b.kind_ || a.outcome_ != b.outcome_) return false;
  static const ActorRefErr::Details none;
  return (a.details_ ? *a.details_ : none) == (b.details_ ? *b.details_ : none);
}

std::string_view to_string(ActorRefErrKind kind) noexcept {
  static constexpr std::array<std::string_view, 19> kNames{
      "ActorUnavailable",    "NotFound",         "AlreadyExists",    "Serialisation",
      "Deserialisation",     "Timeout",          "ActorStartFailed", "InvalidRef",
      "ResultChannelClosed", "ResultSendFailed", "NotSupported",     "NotImplemented",
      "HandlerFailed",       "MailboxFull",      "Unreachable",      "Unauthorised",
      "Cancelled",           "Fenced",           "Overloaded"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view to_string(ActorRefErrOutcome outcome) noexcept {
  static constexpr std::array<std::string_view, 3> kNames{"NotDelivered", "Unknown", "Handled"};
  return kNames[static_cast<std::size_t>(outcome)];
}

}  // namespace coerce
