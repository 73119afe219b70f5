/// \file
/// One connection to a Redis server.

#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <coerce/runtime/clock.hpp>

#include "coordination/redis/endpoint.hpp"
#include "coordination/redis/reply.hpp"

struct redisContext;

namespace coerce::detail::redis {

/// Commands as they are sent, one behind the other.
class Pipeline {
 public:
  void add(std::span<const std::string_view> words);
  void clear() noexcept;

  std::string_view bytes() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return ends_.size(); }
  /// How many commands are whole in the first `sent` bytes.
  std::size_t whole_in(std::size_t sent) const noexcept;

 private:
  std::string bytes_;
  std::vector<std::size_t> ends_;
};

/// What became of the commands of a pipeline: the first replies.size() have been answered; of the
/// others the first `sent` have left as a whole and may be done, the rest never will be.
struct Exchanged {
  std::vector<Reply> replies{};
  std::size_t sent = 0;
  std::string failure{};  ///< why replies are missing
};

/// Owns a socket. Sends and reads at once, so that neither side waits for the other with full
/// buffers, and with a deadline for the whole, so that no server can make it wait for ever. Never
/// raises SIGPIPE. For one thread.
class Connection {
 public:
  /// The error says why there is none, in words.
  static Result<Connection, std::string> open(const Endpoint& endpoint, Duration timeout,
                                              const ReplyLimits& limits);

  /// Could it be used, as far as is known without asking? What the server has closed cannot.
  bool usable() const noexcept;

  /// Sends all and waits for all replies: for so long, and one second more for each MiB that is
  /// moved. After a failure the connection is of no use any more.
  Exchanged exchange(const Pipeline& pipeline, Duration timeout);

 private:
  struct Free {
    void operator()(redisContext* context) const noexcept;
  };
  using Context = std::unique_ptr<redisContext, Free>;

  Connection(Context context, const ReplyLimits& limits);

  /// What it says is why the exchange fails; empty: it goes on.
  std::string step(const Pipeline& pipeline, std::size_t& sent, Exchanged& exchanged,
                   Duration left);
  std::string receive(std::size_t expected, Exchanged& exchanged);

  Context context_;
  ReplyReader reader_;
  std::size_t received_ = 0;
  bool broken_ = false;
};

}  // namespace coerce::detail::redis
