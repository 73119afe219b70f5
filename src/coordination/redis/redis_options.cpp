#include <coerce/coordination/redis_options.hpp>

#include <stdexcept>
#include <utility>

namespace coerce {

namespace {

constexpr std::size_t kMaxPrefixBytes = 256;

Duration positive(Duration value, const char* what) {
  if (value <= Duration::zero())
    throw std::invalid_argument(std::string("RedisOptions: ") + what + " must be more than 0");
  return value;
}

}  // namespace

RedisOptions& RedisOptions::prefix(std::string value) {
  if (value.empty() || value.size() > kMaxPrefixBytes)
    throw std::invalid_argument("RedisOptions: a prefix has 1 to 256 bytes");
  prefix_ = std::move(value);
  return *this;
}

RedisOptions& RedisOptions::connect_timeout(Duration value) {
  connect_timeout_ = positive(value, "connect_timeout");
  return *this;
}

RedisOptions& RedisOptions::command_timeout(Duration value) {
  command_timeout_ = positive(value, "command_timeout");
  return *this;
}

RedisOptions& RedisOptions::max_back_off(Duration value) {
  max_back_off_ = positive(value, "max_back_off");
  return *this;
}

RedisOptions& RedisOptions::max_waiting(std::size_t value) {
  if (value == 0) throw std::invalid_argument("RedisOptions: max_waiting must be more than 0");
  max_waiting_ = value;
  return *this;
}

RedisOptions& RedisOptions::allow_weaker_durability(bool value) noexcept {
  weaker_durability_ = value;
  return *this;
}

}  // namespace coerce
