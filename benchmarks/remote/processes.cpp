#include "processes.hpp"

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace remote_bench {
namespace {

/// A process with a pipe on which it says something.
class Child {
 public:
  template <class F>
  explicit Child(F work) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      ::close(ends[0]);
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      int code = 1;
      try {
        work(ends[1]);
        code = 0;
      } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
      }
      std::_Exit(code);
    }
    ::close(ends[1]);
    from_ = ends[0];
  }
  ~Child() {
    if (from_ >= 0) ::close(from_);
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }

  template <class T>
  std::optional<T> hear(unsigned limit_seconds) const {
    pollfd waiting{.fd = from_, .events = POLLIN, .revents = 0};
    if (from_ < 0 || poll(&waiting, 1, static_cast<int>(limit_seconds) * 1000) != 1) return {};
    T said;
    if (read(from_, &said, sizeof said) != static_cast<ssize_t>(sizeof said)) return {};
    return said;
  }

 private:
  pid_t pid_ = -1;
  int from_ = -1;
};

template <class T>
void say(int to, const T& what) {
  if (write(to, &what, sizeof what) != static_cast<ssize_t>(sizeof what)) std::_Exit(1);
}

}  // namespace

std::optional<Outcome> run_in_two_processes(const Contender& contender, const Setting& setting,
                                            unsigned limit_seconds) {
  const Child server(
      [&](int to) { contender.serve(setting, [to](std::uint16_t port) { say(to, port); }); });
  const auto port = server.hear<std::uint16_t>(limit_seconds);
  if (!port) return {};
  const Child driver([&](int to) {
    say(to, contender.drive(setting, Server{.port = *port, .pid = server.pid()}));
  });
  return driver.hear<Outcome>(limit_seconds);
}

Awake::Awake() {
  for (unsigned cpu = 0; cpu < std::thread::hardware_concurrency(); ++cpu) {
    const pid_t child = fork();
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(cpu, &one);
      sched_setaffinity(0, sizeof one, &one);
      const sched_param none{};
      if (sched_setscheduler(0, SCHED_IDLE, &none) != 0) std::_Exit(1);
      for (std::atomic<unsigned> turns = 0;;) turns.fetch_add(1, std::memory_order_relaxed);
    }
    if (child > 0) spinning_.push_back(child);
  }
}

Awake::~Awake() {
  for (const pid_t child : spinning_) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
}

}  // namespace remote_bench
