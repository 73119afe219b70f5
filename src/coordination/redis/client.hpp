/// \file
/// Runs scripts on a Redis server for many tasks.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <coerce/coordination/redis_options.hpp>
#include <coerce/runtime/group_worker.hpp>
#include <coerce/runtime/rng.hpp>

#include "coordination/redis/connection.hpp"

namespace coerce::detail::redis {

/// A Lua script. Its first line is `#!lua`, with flags: so the server refuses it as a whole, before
/// it has changed anything, if it may not write now.
struct Script {
  std::string_view name;  ///< for people
  std::string_view text;
};

enum class FailureKind : std::uint8_t {
  NotDone,      ///< certainly: it was not sent, or the server refused it before it began
  Unknown,      ///< perhaps done: no reply, or the script failed in the middle
  Broken,       ///< the script made no sense of what it found, perhaps in its middle
  Contradicts,  ///< what the server keeps under a key is of another type
};

struct Failure {
  FailureKind kind = FailureKind::NotDone;
  std::string detail{};
};

template <class T>
using Outcome = Result<T, Failure>;

/// A script of a client's, by its place in their list.
struct ScriptCall {
  explicit ScriptCall(std::size_t which) noexcept : script(which) {}
  ScriptCall& key(std::string name) {
    keys.push_back(std::move(name));
    return *this;
  }
  ScriptCall& arg(std::string value) {
    args.push_back(std::move(value));
    return *this;
  }
  ScriptCall& arg(std::uint64_t value) { return arg(std::to_string(value)); }

  std::size_t script;
  std::vector<std::string> keys{};
  std::vector<std::string> args{};
};

/// One connection, used by one thread, which sends the calls of many tasks in one go: so a server
/// that syncs before it answers does so once for all of them. A connection that is lost is made
/// anew with the next call; while that fails, calls fail at once for a growing while. Each new
/// connection looks first whether the server is one that keeps what it acknowledges.
///
/// Thread-safe. Must outlive its calls. Calls that wait at the same time are done in any order.
class Client {
 public:
  Client(Endpoint endpoint, RedisOptions options, std::span<const Script> scripts,
         ReplyLimits limits);

  /// Connects if it is not connected.
  Task<Outcome<void>> connect();
  /// Runs a script and gives its reply, which is no error. Ends by the reply or by a deadline.
  Task<Outcome<Reply>> call(ScriptCall call);

 private:
  using Work = std::optional<ScriptCall>;  ///< none: connect only
  using Worker = GroupWorker<Work, Outcome<Reply>>;
  using Items = std::vector<Worker::Item*>;

  Task<Outcome<Reply>> ask(Work work);
  void serve(Worker::Group group);
  void serve_batch(const Items& batch);
  /// Sends the batch and gives those that the server says it knows no script for.
  Items exchange(const Items& batch);
  bool ready(const Items& batch);
  Result<void, std::string> connect_now();
  Result<void, std::string> load_scripts(Connection& connection);
  void encode(const ScriptCall& call);

  const Endpoint endpoint_;
  const RedisOptions options_;
  const std::span<const Script> scripts_;
  const ReplyLimits limits_;
  // From here on: for the worker only.
  SystemClock clock_;
  Rng rng_{Rng::random_seed()};
  std::optional<Connection> connection_;
  std::vector<std::string> hashes_;  ///< of the scripts, as the server calls them
  Pipeline pipeline_;
  std::vector<std::string_view> words_;
  TimePoint not_before_{};  ///< when to try to connect again
  Duration back_off_{};
  std::string last_failure_;
  Worker worker_;  // last: its thread uses what is above
};

}  // namespace coerce::detail::redis
