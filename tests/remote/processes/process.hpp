/// \file
/// A node as a process of its own, seen from a test: lines go in, lines come out.

#pragma once

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

extern char** environ;

namespace coerce::test {

/// What the counters command says, of all links of a process.
struct ProcessCounters {
  std::uint64_t sent = 0, delivered = 0, refused = 0, dead = 0, unconfirmed = 0, queued = 0;
  bool agree() const { return sent == delivered + refused + dead + unconfirmed; }
};

/// coerce_remote_process. Its end kills it.
class Process {
 public:
  explicit Process(std::vector<std::string> arguments) {
    std::array<int, 2> in{}, out{};
    REQUIRE(::pipe2(in.data(), O_CLOEXEC) == 0);
    REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    arguments.insert(arguments.begin(), COERCE_REMOTE_PROCESS);
    std::vector<char*> words;
    for (auto& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    const int spawned =
        ::posix_spawn(&pid_, COERCE_REMOTE_PROCESS, &actions, nullptr, words.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    to_ = in[1];
    from_ = out[0];
    REQUIRE(spawned == 0);
  }
  ~Process() {
    end_input();
    kill(SIGKILL);
    ::close(from_);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// A node that listens, and its address.
  std::string address() { return expect("at (\\S+)")[1]; }

  void signal(int number) const { ::kill(pid_, number); }
  void kill(int number) {
    if (pid_ <= 0) return;
    signal(number);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
  }
  /// Ends its input, and gives its exit code; -1 if it was killed.
  int finish() {
    end_input();
    expect("ended");
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  void say(const std::string& line) {
    const std::string text = line + "\n";
    REQUIRE(::write(to_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    transcript_ += "> " + text;
  }
  /// Waits for a line that matches as a whole; others before it are passed over. Fails when the
  /// process ends before it, or hangs.
  std::smatch expect(const std::string& pattern) {
    const std::regex expected(pattern);
    while (next_line()) {
      std::smatch match;
      if (std::regex_match(line_, match, expected)) return match;
    }
    FAIL("never came: " << pattern << "\n" << transcript_);
    return {};
  }
  std::smatch ask(const std::string& line, const std::string& pattern) {
    say(line);
    return expect(pattern);
  }

  ProcessCounters counters() {
    const auto said = ask("counters",
                          "sent (\\d+), delivered (\\d+), refused (\\d+), dead (\\d+), "
                          "unconfirmed (\\d+), queued (\\d+)");
    const auto number = [&](std::size_t i) { return std::stoull(said[i]); };
    return {number(1), number(2), number(3), number(4), number(5), number(6)};
  }
  /// Asks for the counters until they agree: the peer confirms with its next heartbeat.
  ProcessCounters settled_counters() {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (true) {
      const auto counters_now = counters();
      if (counters_now.agree() && counters_now.queued == 0) return counters_now;
      if (std::chrono::steady_clock::now() > until) FAIL("they never agree\n" << transcript_);
      ::poll(nullptr, 0, 20);  // leaves the processor to those who are waited for
    }
  }
  /// Of its memory, those in use now.
  std::size_t resident_bytes() const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/statm");
    std::size_t pages = 0;
    file >> pages >> pages;
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  }

 private:
  static constexpr auto kPatience = std::chrono::seconds(60);

  void end_input() {
    if (to_ >= 0) ::close(to_);
    to_ = -1;
  }

  /// False: it has ended, or says nothing for too long.
  bool next_line() {
    std::size_t end = 0;
    while ((end = buffer_.find('\n')) == std::string::npos) {
      pollfd waiting{from_, POLLIN, 0};
      const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(kPatience);
      if (::poll(&waiting, 1, static_cast<int>(limit.count())) <= 0) return false;
      std::array<char, 4096> bytes{};
      const ssize_t read = ::read(from_, bytes.data(), bytes.size());
      if (read <= 0) return false;
      buffer_.append(bytes.data(), static_cast<std::size_t>(read));
    }
    line_ = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    transcript_ += line_ + "\n";
    if (transcript_.size() > kMostOfTranscript)
      transcript_.erase(0, transcript_.size() - kMostOfTranscript);
    return true;
  }

  static constexpr std::size_t kMostOfTranscript = 8000;
  pid_t pid_ = -1;
  int to_ = -1;
  int from_ = -1;
  std::string buffer_;
  std::string line_;
  std::string transcript_;
};

}  // namespace coerce::test
