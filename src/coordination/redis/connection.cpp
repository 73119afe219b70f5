#include "coordination/redis/connection.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <system_error>

#include <fmt/format.h>
#include <hiredis/hiredis.h>

namespace coerce::detail::redis {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBytesEachSecond = 1 << 20;
constexpr std::size_t kReadAtOnce = 64 * 1024;

timeval to_timeval(Duration duration) {
  const auto micros = std::chrono::ceil<std::chrono::microseconds>(duration).count();
  return {static_cast<time_t>(micros / 1'000'000), static_cast<suseconds_t>(micros % 1'000'000)};
}

std::string what_errno_says() { return std::error_code(errno, std::generic_category()).message(); }

bool is_later(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

void Pipeline::add(std::span<const std::string_view> words) {
  const auto out = std::back_inserter(bytes_);
  fmt::format_to(out, "*{}\r\n", words.size());
  for (const std::string_view word : words) {
    fmt::format_to(out, "${}\r\n", word.size());
    bytes_.append(word).append("\r\n");
  }
  ends_.push_back(bytes_.size());
}

void Pipeline::clear() noexcept {
  bytes_.clear();
  ends_.clear();
}

std::size_t Pipeline::whole_in(std::size_t sent) const noexcept {
  return static_cast<std::size_t>(std::ranges::upper_bound(ends_, sent) - ends_.begin());
}

void Connection::Free::operator()(redisContext* context) const noexcept { redisFree(context); }

Connection::Connection(Context context, const ReplyLimits& limits)
    : context_(std::move(context)), reader_(limits) {}

Result<Connection, std::string> Connection::open(const Endpoint& endpoint, Duration timeout,
                                                 const ReplyLimits& limits) {
  const timeval wait = to_timeval(timeout);
  Context context(endpoint.socket_path.empty()
                      ? redisConnectWithTimeout(endpoint.host.c_str(), endpoint.port, wait)
                      : redisConnectUnixWithTimeout(endpoint.socket_path.c_str(), wait));
  if (!context) return coerce::unexpected(std::string("no memory for a connection"));
  if (context->err != 0)
    return coerce::unexpected(fmt::format("no connection: {}", context->errstr));
  ::fcntl(context->fd, F_SETFD, FD_CLOEXEC);
  const int yes = 1;  // fails for a Unix socket, which has no delay
  ::setsockopt(context->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  return Connection(std::move(context), limits);
}

bool Connection::usable() const noexcept {
  if (broken_) return false;
  // Nothing is asked, so nothing may be there to read: neither the end nor anything else.
  char byte;
  return ::recv(context_->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && is_later(errno);
}

Exchanged Connection::exchange(const Pipeline& pipeline, Duration timeout) {
  const SystemClock clock;
  const TimePoint begin = clock.now();
  Exchanged exchanged;
  std::size_t sent = 0;
  received_ = 0;
  while (exchanged.replies.size() < pipeline.size() && exchanged.failure.empty()) {
    const std::size_t moved = sent + received_;
    const Duration left =
        timeout + std::chrono::seconds(moved / kBytesEachSecond) - (clock.now() - begin);
    exchanged.failure = left <= 0s ? fmt::format("no answer within {} ms", timeout / 1ms)
                                   : step(pipeline, sent, exchanged, left);
  }
  if (exchanged.failure.empty() && reader_.left_over() > 0)
    broken_ = true;  // whatever that is, it answers nothing
  if (!exchanged.failure.empty()) broken_ = true;
  exchanged.sent = pipeline.whole_in(sent);
  return exchanged;
}

std::string Connection::step(const Pipeline& pipeline, std::size_t& sent, Exchanged& exchanged,
                             Duration left) {
  const std::string_view unsent = pipeline.bytes().substr(sent);
  pollfd polled{context_->fd, static_cast<short>(unsent.empty() ? POLLIN : POLLIN | POLLOUT), 0};
  const int wait = static_cast<int>(
      std::min<Duration::rep>(std::chrono::ceil<std::chrono::milliseconds>(left).count(), 60'000));
  const int ready = ::poll(&polled, 1, wait);
  if (ready < 0 && errno != EINTR) return what_errno_says();
  if (ready <= 0) return {};  // the deadline says whether to go on
  if ((polled.revents & ~POLLOUT) != 0) {
    if (std::string failure = receive(pipeline.size(), exchanged); !failure.empty()) return failure;
  }
  if ((polled.revents & POLLOUT) == 0) return {};
  const ssize_t gone =
      ::send(context_->fd, unsent.data(), unsent.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (gone < 0) return is_later(errno) ? std::string() : what_errno_says();
  sent += static_cast<std::size_t>(gone);
  return {};
}

std::string Connection::receive(std::size_t expected, Exchanged& exchanged) {
  std::array<char, kReadAtOnce> buffer;
  const ssize_t got = ::recv(context_->fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0) return is_later(errno) ? std::string() : what_errno_says();
  if (got == 0) return "the server has closed the connection";
  received_ += static_cast<std::size_t>(got);
  reader_.feed({buffer.data(), static_cast<std::size_t>(got)});
  while (exchanged.replies.size() < expected) {
    auto reply = reader_.next();
    if (!reply) return reply.error();
    if (!*reply) break;
    exchanged.replies.push_back(std::move(**reply));
  }
  return {};
}

}  // namespace coerce::detail::redis
