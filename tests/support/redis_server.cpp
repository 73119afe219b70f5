#include "support/redis_server.hpp"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <hiredis/hiredis.h>

namespace coerce::test {

namespace {

using namespace std::chrono_literals;

constexpr auto kReadyWithin = 10s;
constexpr auto kBetweenLooks = 5ms;
constexpr int kPortsToTry = 20;
constexpr int kCommandNotFound = 127;  // as shells say it

/// One that is free now; somebody else may take it before the server does.
/// A server of a cluster uses the port 10 000 above its own too.
constexpr std::uint16_t kHighestPort = 55'535;

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  const bool ok = fd >= 0 &&
                  ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
                  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (fd >= 0) ::close(fd);
  if (!ok) throw std::runtime_error("no free port on the loopback interface");
  return ntohs(address.sin_port);
}

void append_text(std::string& text, const redisReply& reply) {
  switch (reply.type) {
    case REDIS_REPLY_INTEGER:
      text += std::to_string(reply.integer);
      break;
    case REDIS_REPLY_ARRAY:
      for (std::size_t i = 0; i < reply.elements; ++i) {
        if (i > 0) text += '\n';
        append_text(text, *reply.element[i]);
      }
      break;
    case REDIS_REPLY_NIL:
      text += "(nil)";
      break;
    case REDIS_REPLY_ERROR:
      text += '-';
      [[fallthrough]];
    default:
      text.append(reply.str, reply.len);
  }
}

struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};
struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Context = std::unique_ptr<redisContext, FreeContext>;

std::string ask(redisContext& context, const std::vector<std::string>& command) {
  std::vector<const char*> words;
  std::vector<std::size_t> lengths;
  for (const std::string& word : command) {
    words.push_back(word.data());
    lengths.push_back(word.size());
  }
  const std::unique_ptr<redisReply, FreeReply> reply(static_cast<redisReply*>(
      redisCommandArgv(&context, static_cast<int>(words.size()), words.data(), lengths.data())));
  if (!reply) throw std::runtime_error(std::string("redis does not answer: ") + context.errstr);
  std::string text;
  append_text(text, *reply);
  return text;
}

}  // namespace

RedisServer::RedisServer(RedisServerOptions options) : options_(std::move(options)) {
  for (int tried = 1;; ++tried) {
    port_ = free_port();
    while (port_ > kHighestPort) port_ = free_port();
    try {
      start();
      return;
    } catch (const std::runtime_error&) {
      // Its port may have been taken meanwhile.
      if (tried == kPortsToTry || log().find("Address already in use") == std::string::npos) throw;
    }
  }
}

RedisServer::~RedisServer() {
  if (pid_ > 0) kill9();
}

std::string RedisServer::uri() const {
  const std::string user = options_.password.empty() ? "" : ":" + options_.password + "@";
  return "redis://" + user + "127.0.0.1:" + std::to_string(port_);
}

std::string RedisServer::unix_uri() const { return "unix://" + socket_path(); }

std::string RedisServer::run(const std::vector<std::string>& command) const {
  const timeval timeout{10, 0};
  const Context context(redisConnectUnixWithTimeout(socket_path().c_str(), timeout));
  if (!context || context->err != 0)
    throw std::runtime_error(std::string("redis refuses to connect: ") +
                             (context ? context->errstr : "no memory"));
  redisSetTimeout(context.get(), timeout);
  if (!options_.password.empty()) ask(*context, {"AUTH", options_.password});
  return ask(*context, command);
}

std::uint64_t RedisServer::writes() const {
  std::ifstream counters("/proc/" + std::to_string(pid_) + "/io");
  std::string name;
  for (std::uint64_t value = 0; counters >> name >> value;)
    if (name == "syscw:") return value;
  throw std::runtime_error("the system does not count what redis-server writes");
}

void RedisServer::kill9() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void RedisServer::freeze() { ::kill(pid_, SIGSTOP); }
void RedisServer::thaw() { ::kill(pid_, SIGCONT); }

void RedisServer::start() {
  write_config();
  spawn();
  wait_until_ready();
}

void RedisServer::write_config() const {
  std::ofstream config(directory_.file("redis.conf"));
  config << "bind 127.0.0.1\nport " << port_ << "\nunixsocket " << socket_path()
         << "\ndaemonize no\ndir " << directory_.file("") << "\nlogfile " << directory_.file("log")
         << "\n";
  if (!options_.sentinel)
    config << "save \"\"\nappendonly yes\nappendfsync always\nmaxmemory-policy noeviction\n";
  if (!options_.password.empty()) config << "requirepass " << options_.password << "\n";
  for (const std::string& line : options_.config) config << line << "\n";
}

void RedisServer::spawn() {
  std::filesystem::remove(directory_.file("log"));
  const std::string config = directory_.file("redis.conf");
  const char* mode = options_.sentinel ? "--sentinel" : nullptr;
  const char* const words[] = {"redis-server", config.c_str(), mode, nullptr};
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("no process can be made for redis-server");
  if (pid_ > 0) return;
  // From here on, in the child, only what may be called there.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() == parent) ::execvp(words[0], const_cast<char* const*>(words));
  ::_exit(kCommandNotFound);
}

bool RedisServer::ended() {
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
  pid_ = -1;
  if (WIFEXITED(status) && WEXITSTATUS(status) == kCommandNotFound)
    throw std::runtime_error(
        "redis-server is not installed; scripts/install-deps.sh test installs it");
  return true;
}

bool RedisServer::answers() const {
  try {
    return run({"PING"}) == "PONG";
  } catch (const std::runtime_error&) {
    return false;
  }
}

void RedisServer::wait_until_ready() {
  const auto deadline = std::chrono::steady_clock::now() + kReadyWithin;
  while (!answers()) {
    if (ended()) throw std::runtime_error("redis-server does not start:\n" + log());
    if (std::chrono::steady_clock::now() > deadline) {
      kill9();
      throw std::runtime_error("redis-server does not answer:\n" + log());
    }
    std::this_thread::sleep_for(kBetweenLooks);  // its readiness can only be asked for
  }
}

std::string RedisServer::log() const {
  std::ostringstream text;
  text << std::ifstream(directory_.file("log")).rdbuf();
  return text.str();
}

}  // namespace coerce::test
