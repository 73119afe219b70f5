#include "coordination/redis/client.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "coordination/redis/handshake.hpp"

namespace coerce::detail::redis {

namespace {

using namespace std::chrono_literals;

constexpr Duration kFirstBackOff = 50ms;
/// What is sent in one go is gathered up to about this.
constexpr std::size_t kBatchBytes = 1 << 20;
/// Bounds what the replies of one group take, as each may be as large as a page of events.
constexpr std::size_t kMaxGroup = 256;

std::size_t size_of(const std::optional<ScriptCall>& call) {
  std::size_t bytes = 0;
  if (!call) return bytes;
  for (const std::string& key : call->keys) bytes += key.size();
  for (const std::string& arg : call->args) bytes += arg.size();
  return bytes;
}

/// Errors by which a server refuses a script before it runs it.
constexpr std::array<std::string_view, 14> kRefusals = {
    "BUSY",   "CLUSTERDOWN", "LOADING",  "MASTERDOWN", "MISCONF",  "MOVED",    "NOAUTH",
    "NOPERM", "NOREPLICAS",  "NOSCRIPT", "OOM",        "READONLY", "TRYAGAIN", "WRONGPASS"};

Failure failure_of(const Reply& error, std::string_view script) {
  const std::string_view code = error.error_code();
  const bool from_inside = error.text.find(" script: ") != std::string::npos;
  FailureKind kind = FailureKind::Unknown;
  if (code == "WRONGTYPE")
    kind = FailureKind::Contradicts;
  else if (error.text.starts_with("ERR user_script:"))  // an error of Lua's, in a line of it
    kind = FailureKind::Broken;
  else if (!from_inside && std::ranges::find(kRefusals, code) != kRefusals.end())
    kind = FailureKind::NotDone;
  return {kind, fmt::format("the server says to {}: {}", script, error.text)};
}

}  // namespace

Client::Client(Endpoint endpoint, RedisOptions options, std::span<const Script> scripts,
               ReplyLimits limits)
    : endpoint_(std::move(endpoint)),
      options_(std::move(options)),
      scripts_(scripts),
      limits_(limits),
      worker_([this](Worker::Group group) { serve(group); },
              GroupWorkerOptions{.max_waiting = options_.max_waiting(), .max_group = kMaxGroup}) {}

Task<Outcome<void>> Client::connect() {
  Work nothing;
  auto done = co_await ask(std::move(nothing));
  if (!done) co_return coerce::unexpected(std::move(done.error()));
  co_return Outcome<void>();
}

Task<Outcome<Reply>> Client::call(ScriptCall call) {
  Work work(std::move(call));
  co_return co_await ask(std::move(work));
}

Task<Outcome<Reply>> Client::ask(Work work) {
  auto answer = co_await worker_.ask(std::move(work));
  if (answer) co_return std::move(*answer);
  if (answer.error() == GroupWorkerErr::Full)
    co_return coerce::unexpected(Failure{
        FailureKind::NotDone, fmt::format("{} requests wait already", options_.max_waiting())});
  if (answer.error() == GroupWorkerErr::NoThread)
    co_return coerce::unexpected(Failure{FailureKind::NotDone, "the system gives no thread"});
  co_return coerce::unexpected(Failure{FailureKind::Unknown, "the connection's thread failed"});
}

void Client::serve(Worker::Group group) {
  for (std::size_t next = 0; next < group.size();) {
    Items batch;
    for (std::size_t bytes = 0; next < group.size() && bytes < kBatchBytes; ++next) {
      bytes += size_of(group[next]->request);
      batch.push_back(group[next]);
    }
    serve_batch(batch);
  }
}

void Client::serve_batch(const Items& batch) {
  if (!ready(batch)) return;
  const Items unknown_script = exchange(batch);
  if (unknown_script.empty()) return;
  // The server has forgotten the scripts (SCRIPT FLUSH); it did nothing of these calls.
  if (!connection_ || !load_scripts(*connection_)) connection_.reset();
  if (ready(unknown_script)) exchange(unknown_script);
}

/// False: there is no connection, and all of the batch have been told so.
bool Client::ready(const Items& batch) {
  if (connection_ && connection_->usable()) return true;
  connection_.reset();
  if (clock_.now() >= not_before_) {
    if (const auto connected = connect_now()) {
      back_off_ = Duration::zero();
      return true;
    } else {
      last_failure_ = connected.error();
    }
    back_off_ = std::min(std::max(2 * back_off_, kFirstBackOff), options_.max_back_off());
    // Half of it is drawn, so that not all clients of a server come back at the same moment.
    const Duration half = back_off_ / 2;
    not_before_ =
        clock_.now() + half + Duration(rng_.below(static_cast<std::uint64_t>(half.count()) + 1));
  }
  for (Worker::Item* item : batch)
    item->answer = coerce::unexpected(Failure{FailureKind::NotDone, last_failure_});
  return false;
}

Client::Items Client::exchange(const Items& batch) {
  pipeline_.clear();
  Items asked;
  for (Worker::Item* item : batch) {
    if (!item->request) {
      item->answer = Reply();
      continue;
    }
    encode(*item->request);
    asked.push_back(item);
  }
  Exchanged exchanged = connection_->exchange(pipeline_, options_.command_timeout());
  pipeline_.clear();

  Items unknown_script;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    Worker::Item& item = *asked[i];
    if (i >= exchanged.replies.size()) {
      const FailureKind kind = i < exchanged.sent ? FailureKind::Unknown : FailureKind::NotDone;
      item.answer = coerce::unexpected(
          Failure{kind, fmt::format("{}: {}", endpoint_.to_string(), exchanged.failure)});
      continue;
    }
    Reply& reply = exchanged.replies[i];
    if (!reply.is_error()) {
      item.answer = std::move(reply);
      continue;
    }
    if (reply.error_code() == "NOSCRIPT") unknown_script.push_back(&item);
    item.answer = coerce::unexpected(failure_of(reply, scripts_[item.request->script].name));
  }
  if (!exchanged.failure.empty()) connection_.reset();
  return unknown_script;
}

Result<void, std::string> Client::connect_now() {
  const auto failed = [&](std::string_view why) {
    return coerce::unexpected(fmt::format("{}: {}", endpoint_.to_string(), why));
  };
  auto opened = Connection::open(endpoint_, options_.connect_timeout(), limits_);
  if (!opened) return failed(opened.error());
  if (auto fit = shake_hands(*opened, endpoint_, options_); !fit) return failed(fit.error());
  if (auto loaded = load_scripts(*opened); !loaded) return failed(loaded.error());
  connection_.emplace(std::move(*opened));
  return {};
}

Result<void, std::string> Client::load_scripts(Connection& connection) {
  Pipeline loads;
  for (const Script& script : scripts_) {
    const std::array<std::string_view, 3> words = {"SCRIPT", "LOAD", script.text};
    loads.add(words);
  }
  Exchanged loaded = connection.exchange(loads, options_.connect_timeout());
  if (!loaded.failure.empty()) return coerce::unexpected(loaded.failure);
  hashes_.clear();
  for (std::size_t i = 0; i < scripts_.size(); ++i) {
    Reply& hash = loaded.replies[i];
    if (!hash.is_text())
      return coerce::unexpected(
          fmt::format("it does not take the script {}: {}", scripts_[i].name, hash.text));
    hashes_.push_back(std::move(hash.text));
  }
  return {};
}

void Client::encode(const ScriptCall& call) {
  const std::string keys = std::to_string(call.keys.size());
  words_.assign({"EVALSHA", hashes_[call.script], keys});
  words_.insert(words_.end(), call.keys.begin(), call.keys.end());
  words_.insert(words_.end(), call.args.begin(), call.args.end());
  pipeline_.add(words_);
}

}  // namespace coerce::detail::redis
