#include "remote/remote_ops.hpp"

#include <coerce/actor/timeout.hpp>

#include "coerce/remote/v1/actors.pb.h"
#include "remote/describe_message.hpp"
#include "remote/proto_bytes.hpp"

namespace coerce::detail {

namespace {

/// A description has so many bytes at the most, or half of a message.
constexpr std::size_t kLongestDescription = std::size_t{256} << 10;

Bytes name_question(const ActorId& id) {
  remote::v1::ActorName message;
  message.set_id(id.str());
  return to_bytes(message);
}

/// So long a description is waited for, on both sides.
Duration describe_limit(const DescribeOptions& options) {
  const Duration silence = std::min<Duration>(options.child_timeout, std::chrono::minutes(5));
  return later(TimePoint(), 2 * silence + std::chrono::seconds(1)).time_since_epoch();
}

}  // namespace

RemoteOperations::RemoteOperations(RemoteCore& core, Watching& watching)
    : core_(core),
      watching_(watching),
      statuses_(core.world(), &coerce::detail::status_of),
      endings_(core.world(), &coerce::detail::stop_of) {
  core.serve(InternalKind::Status, [this](const NodeDescription&, Bytes question) {
    return answer_status(std::move(question));
  });
  core.serve(InternalKind::Stop, [this](const NodeDescription&, Bytes question) {
    return answer_stop(std::move(question));
  });
  core.serve(InternalKind::Describe, [this](const NodeDescription&, Bytes question) {
    return answer_describe(std::move(question));
  });
  core.serve(InternalKind::Capabilities,
             [this](const NodeDescription&, const Bytes&) { return answer_capabilities(); });
}

// ---- the asking side ----------------------------------------------------------------------------

Task<Result<ActorStatus>> RemoteOperations::status_of(std::shared_ptr<Peer> peer, ActorId id) {
  auto asking = peer->ask(InternalKind::Status, name_question(id), limit());
  auto bytes = co_await asking;
  if (!bytes) co_return coerce::unexpected(std::move(bytes).error());
  const auto answer = from_bytes<remote::v1::StatusAnswer>(*bytes);
  if (!answer) co_return coerce::unexpected(answer.error());
  if (answer->status() > static_cast<std::uint32_t>(ActorStatus::Stopped))
    co_return coerce::unexpected(ActorRefErr::Deserialisation("there is no such status"));
  co_return static_cast<ActorStatus>(answer->status());
}

Task<Result<void>> RemoteOperations::stop_of(std::shared_ptr<Peer> peer, ActorId id) {
  auto asking = peer->ask(InternalKind::Stop, name_question(id), limit());
  auto bytes = co_await asking;
  if (!bytes) co_return coerce::unexpected(std::move(bytes).error());
  co_return Result<void>();
}

Task<DescribeResult> RemoteOperations::describe_of(std::shared_ptr<Peer> peer, ActorId id,
                                                   DescribeOptions options) {
  const Duration most = describe_limit(options);
  DescribeQuestion question{id, options};
  auto asking = peer->ask(InternalKind::Describe, encode_question(question), most);
  auto bytes = co_await asking;
  if (!bytes) co_return DescribeResult(id, id, std::move(bytes).error());
  auto description = decode_description(*bytes);
  if (!description) co_return DescribeResult(id, id, std::move(description).error());
  co_return std::move(*description);
}

Task<Result<SystemCapabilities>> RemoteOperations::capabilities_of(NodeId node, Duration timeout) {
  auto asking = core_.ask(node, InternalKind::Capabilities, Bytes(), timeout);
  auto bytes = co_await asking;
  if (!bytes) co_return coerce::unexpected(std::move(bytes).error());
  const auto answer = from_bytes<remote::v1::CapabilitiesAnswer>(*bytes);
  if (!answer) co_return coerce::unexpected(answer.error());
  SystemCapabilities can;
  can.actors.assign(answer->actors().begin(), answer->actors().end());
  can.messages.assign(answer->messages().begin(), answer->messages().end());
  co_return can;
}

// ---- the answering side -------------------------------------------------------------------------

Result<CellRef> RemoteOperations::find(BytesView bytes) {
  const auto question = from_bytes<remote::v1::ActorName>(bytes);
  if (!question) return coerce::unexpected(question.error());
  const ActorId id(question->id());
  CellRef cell = core_.find_actor(id);
  if (cell.get() == nullptr) return coerce::unexpected(ActorRefErr::NotFound(id));
  return cell;
}

Task<Result<Bytes>> RemoteOperations::answer_status(Bytes question) {
  auto cell = find(question);
  if (!cell) co_return coerce::unexpected(std::move(cell).error());
  auto asking = statuses_.of(std::move(*cell), limit());
  auto status = co_await asking;
  if (!status) co_return coerce::unexpected(std::move(status).error());
  remote::v1::StatusAnswer answer;
  answer.set_status(static_cast<std::uint32_t>(*status));
  co_return to_bytes(answer);
}

Task<Result<Bytes>> RemoteOperations::answer_stop(Bytes question) {
  auto cell = find(question);
  if (!cell) co_return coerce::unexpected(std::move(cell).error());
  auto asking = endings_.of(std::move(*cell), limit());
  auto ended = co_await asking;
  if (!ended) co_return coerce::unexpected(std::move(ended).error());
  co_return Bytes();
}

Task<Result<Bytes>> RemoteOperations::answer_describe(Bytes bytes) {
  auto question = decode_question(bytes);
  if (!question) co_return coerce::unexpected(std::move(question).error());
  const CellRef cell = core_.find_actor(question->id);
  if (cell.get() == nullptr) co_return coerce::unexpected(ActorRefErr::NotFound(question->id));
  auto describing = describe_cell(cell, question->options);
  auto limited = with_timeout(std::move(describing), describe_limit(question->options));
  const auto result = co_await limited;
  if (!result) co_return coerce::unexpected(result.error());
  const std::size_t most = std::min(kLongestDescription, core_.settings().limits.max_frame / 4);
  co_return encode_description(*result, most);
}

Task<Result<Bytes>> RemoteOperations::answer_capabilities() {
  const SystemCapabilities can = core_.handlers().capabilities();
  remote::v1::CapabilitiesAnswer answer;
  for (const std::string& name : can.actors) answer.add_actors(name);
  for (const std::string& name : can.messages) answer.add_messages(name);
  co_return to_bytes(answer);
}

}  // namespace coerce::detail
