#include "coordination/redis/reply.hpp"

#include <charconv>
#include <new>

#include <fmt/format.h>
#include <hiredis/hiredis.h>

namespace coerce::detail::redis {

struct ReplyReader::State {
  explicit State(const ReplyLimits& wanted) : limits(wanted) {}
  ReplyLimits limits;
  std::size_t bytes = 0;  ///< that have come for the reply that is being read
  std::size_t items = 0;  ///< that its lists have announced
};

/// Builds replies for hiredis' parser. Nothing may be thrown through it; a null pointer makes it
/// stop with an error.
struct ReplyBuilder {
  static ReplyReader::State& state_of(const redisReadTask* task) {
    return *static_cast<ReplyReader::State*>(task->privdata);
  }

  /// Where the reply that is being read has its place: in its list, or by itself.
  static Reply* place(const redisReadTask* task) {
    if (task->parent == nullptr) return new (std::nothrow) Reply;
    return &static_cast<Reply*>(task->parent->obj)->items[static_cast<std::size_t>(task->idx)];
  }

  static void* text(const redisReadTask* task, char* bytes, std::size_t size) noexcept {
    Reply* const reply = place(task);
    if (reply == nullptr) return nullptr;
    reply->type = task->type == REDIS_REPLY_ERROR ? ReplyType::Error : ReplyType::Text;
    return filled(task, reply, [&] { reply->text.assign(bytes, size); });
  }

  static void* list(const redisReadTask* task, std::size_t size) noexcept {
    ReplyReader::State& state = state_of(task);
    if (size > state.limits.max_items - state.items) return nullptr;
    state.items += size;
    Reply* const reply = place(task);
    if (reply == nullptr) return nullptr;
    reply->type = ReplyType::List;
    return filled(task, reply, [&] { reply->items.resize(size); });
  }

  static void* integer(const redisReadTask* task, long long value) noexcept {
    Reply* const reply = place(task);
    if (reply == nullptr) return nullptr;
    reply->type = ReplyType::Integer;
    reply->integer = value;
    return reply;
  }

  static void* nil(const redisReadTask* task) noexcept { return place(task); }

  static void free(void* reply) noexcept { delete static_cast<Reply*>(reply); }

  template <class F>
  static void* filled(const redisReadTask* task, Reply* reply, F fill) noexcept {
    try {
      fill();
      return reply;
    } catch (const std::bad_alloc&) {
      if (task->parent == nullptr) delete reply;
      return nullptr;
    }
  }

  static redisReplyObjectFunctions functions() {
    redisReplyObjectFunctions made{};
    made.createString = &text;
    // Its number is an int or a size_t, which depends on hiredis' version.
    made.createArray = [](const redisReadTask* task, auto size) -> void* {
      return list(task, static_cast<std::size_t>(size));
    };
    made.createInteger = &integer;
    made.createNil = &nil;
    made.freeObject = &free;
    return made;
  }
};

std::string_view Reply::error_code() const noexcept {
  return std::string_view(text).substr(0, text.find(' '));
}

std::optional<std::uint64_t> to_number(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void ReplyReader::Free::operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }

ReplyReader::ReplyReader(const ReplyLimits& limits) : state_(std::make_unique<State>(limits)) {
  static redisReplyObjectFunctions functions = ReplyBuilder::functions();
  reader_.reset(redisReaderCreateWithFunctions(&functions));
  if (!reader_) throw std::bad_alloc();
  reader_->privdata = state_.get();
}

ReplyReader::ReplyReader(ReplyReader&&) noexcept = default;
ReplyReader& ReplyReader::operator=(ReplyReader&&) noexcept = default;
ReplyReader::~ReplyReader() = default;

void ReplyReader::feed(std::string_view bytes) {
  state_->bytes += bytes.size();
  redisReaderFeed(reader_.get(), bytes.data(), bytes.size());
}

Result<std::optional<Reply>, std::string> ReplyReader::next() {
  void* parsed = nullptr;
  if (redisReaderGetReply(reader_.get(), &parsed) != REDIS_OK)
    return coerce::unexpected(fmt::format("it does not speak as Redis does: {}", reader_->errstr));
  if (parsed == nullptr) {
    if (state_->bytes <= state_->limits.max_bytes) return std::optional<Reply>();
    return coerce::unexpected(
        fmt::format("a reply is larger than {} bytes", state_->limits.max_bytes));
  }
  const std::unique_ptr<Reply> reply(static_cast<Reply*>(parsed));
  state_->bytes = left_over();
  state_->items = 0;
  return std::optional<Reply>(std::move(*reply));
}

std::size_t ReplyReader::left_over() const noexcept { return reader_->len - reader_->pos; }

}  // namespace coerce::detail::redis
