#include "remote/processes/process.hpp"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <sys/socket.h>

#include <csignal>
#include <memory>
#include <string>
#include <utility>

#include <coerce/runtime/detail/atomics.hpp>

namespace coerce::test::process_cases {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

/// A process that hosts the actors and one that has found them.
struct TwoProcesses {
  /// `terminated`: after so many milliseconds of silence a node is lost; `write_deadline` ends a
  /// link whose peer takes nothing.
  explicit TwoProcesses(const std::string& terminated, const std::string& write_deadline = "10000")
      : limits{terminated, write_deadline} {
    start_host("");
    seed = host->address();
    host->ask("host", "hosting");
    asker = std::make_unique<Process>(std::vector<std::string>{"2", limits[0], limits[1], seed});
    asker->address();
    asker->ask("find", "found on 1");
  }
  void start_host(const std::string& join) {
    std::vector<std::string> words{"1", limits[0], limits[1]};
    if (!join.empty()) words.push_back(join);
    host = std::make_unique<Process>(words);
  }

  std::vector<std::string> limits;
  std::unique_ptr<Process> host, asker;
  std::string seed;
};

/// Somebody who connects, and says no hello.
class Stranger {
 public:
  Stranger(const std::string& address, const std::string& word)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const auto colon = address.rfind(':');
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
    REQUIRE(::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr) == 1);
    REQUIRE(::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0);
    (void)::send(socket_, word.data(), word.size(), MSG_NOSIGNAL);
  }
  Stranger(Stranger&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  Stranger& operator=(Stranger&&) = delete;
  ~Stranger() {
    if (socket_ >= 0) ::close(socket_);
  }

 private:
  int socket_;
};

int number_in(const std::smatch& said, std::size_t i) { return std::stoi(said[i]); }

}  // namespace

TEST_CASE("processes ask and tell each other, and a clean drain leaves nothing unconfirmed",
          "[processes][B-129][B-211]") {
  TwoProcesses two("60000");
  two.asker->ask("ask 1000", "asked: answered 1000");
  const int told = number_in(two.asker->ask("tell 10000 8", "told (\\d+), refused \\d+"), 1);
  CHECK(told == 10'000);
  two.asker->ask("leave", "left");
  const auto counters = two.asker->counters();
  CHECK(counters.agree());
  CHECK(counters.unconfirmed == 0);
  CHECK(counters.dead == 0);
  CHECK(counters.queued == 0);
  two.host->expect(".*node 2 .* is gone");  // before it closes its links
  two.host->expect(".*node 2 .* says goodbye");
  two.host->ask("seen", "seen " + std::to_string(told) + ", disordered 0");
  two.host->ask("nodes", "nodes 1 healthy, 2 terminated");
  CHECK(two.asker->finish() == 0);
  CHECK(two.host->finish() == 0);
}

TEST_CASE("a host that leaves ends what waits for its answers", "[processes]") {
  TwoProcesses two("60000");
  two.asker->say("wait 500");
  two.asker->ask("ask 1", "asked: answered 1");  // behind them: they are under way
  two.host->say("leave");
  two.asker->expect("waited: .*");
  two.host->expect("left");
  const auto counters = two.asker->settled_counters();
  CHECK(counters.unconfirmed == 0);
  CHECK(two.asker->finish() == 0);
  CHECK(two.host->finish() == 0);
}

TEST_CASE("a process that is killed ends what waits for it, at once and for good",
          "[processes][B-209]") {
  TwoProcesses two("2000");
  two.asker->say("wait 500");
  two.asker->ask("ask 1", "asked: answered 1");
  two.host->kill(SIGKILL);
  two.asker->expect("waited: .*[Uu]nreachable 500");
  two.asker->ask("tell 100 64", "told .*");
  two.asker->expect(".*node 1 .* is gone");
  CHECK(two.asker->settled_counters().sent > 0);

  // The references are of the life that has ended.
  two.asker->ask("ask 10", "asked: .*[Uu]nreachable 10");
  two.asker->ask("nodes", "nodes 1 terminated, 2 healthy");
  CHECK(two.asker->finish() == 0);
}

TEST_CASE("of two processes of one machine the younger goes on when the older is killed",
          "[processes][B-217]") {
  TwoProcesses two("60000");  // it would not be for its silence
  two.host->kill(SIGKILL);
  two.asker->expect(".*1 of 2 members go on alone");
  two.asker->expect(".*node 1 .* is gone");
  two.asker->ask("nodes", "nodes 1 terminated, 2 healthy");
  CHECK(two.asker->finish() == 0);
}

TEST_CASE("a process that starts again under its id is another one, and is found anew",
          "[processes][B-212][B-218]") {
  TwoProcesses two("2000");
  Process third({"3", two.limits[0], two.limits[1], two.seed});
  const std::string other_seed = third.address();
  two.asker->expect(".*node 3 .* is up");
  two.host->kill(SIGKILL);
  two.asker->expect(".*node 1 .* is gone");
  third.expect(".*node 1 .* is gone");
  two.start_host(other_seed);
  two.host->address();
  two.host->ask("host", "hosting");
  two.asker->expect(".*node 1 .* is up");
  two.asker->ask("ask 10", "asked: .*[Uu]nreachable 10");  // of the life before
  two.asker->ask("find", "found on 1");
  two.asker->ask("ask 10", "asked: answered 10");
  two.host->ask("seen", "seen 0, disordered 0");
}

TEST_CASE("an actor that one process lets another one make is found, asked and stopped by both",
          "[processes][B-029][B-031][B-032][B-036][B-062][B-063][B-218]") {
  TwoProcesses two("60000");
  Process* const both[] = {two.host.get(), two.asker.get()};
  for (Process* one : both) one->ask("locate leon", "leon: NotFound.*");
  two.asker->ask("deploy leon 1 hello", "leon was made on 1");
  for (Process* one : both) {
    one->ask("locate leon", "leon is on 1");
    one->ask("speak leon", "leon says hello, from 1");
    one->ask("status leon", "leon is Started");
  }
  two.asker->ask("stop leon", "leon has stopped");
  for (Process* one : both) one->ask("locate leon", "leon: NotFound.*");
  two.asker->ask("speak leon", "leon: NotFound.*");
  two.asker->ask("status leon", "leon: NotFound.*");
  two.asker->ask("stop leon", "leon: NotFound.*");

  two.asker->ask("deploy leon 1 again", "leon was made on 1");  // the id is free
  two.asker->ask("speak leon", "leon says again, from 1");
  two.host->ask("deploy noel 1 hello", "noel was made on 1");  // here
  two.asker->ask("speak noel", "noel says hello, from 1");
  CHECK(two.asker->finish() == 0);
  CHECK(two.host->finish() == 0);
}

TEST_CASE("what is wrong with a deployment is said to the process that wants it",
          "[processes][B-030][B-213]") {
  TwoProcesses two("60000");
  two.asker->ask("deploy leon 1 hello", "leon was made on 1");
  two.asker->ask("deploy leon 1 hello", "leon: AlreadyExists.*");
  two.host->ask("deploy leon 1 hello", "leon: AlreadyExists.*");
  two.asker->ask("deploy counter 1 hello", "counter: AlreadyExists.*");  // another class has it
  two.asker->ask("deploy noel 1 throw", "noel: ActorStartFailed.*the word cannot be said.*");
  two.asker->ask("locate noel", "noel: NotFound.*");
  two.asker->ask("deploy noel 1 hello", "noel was made on 1");
  two.host->ask("deploy elon 2 hello", "elon: NotSupported.*");  // it has no factory
  two.host->ask("deploy elon 77 hello", "elon: Unreachable.*");
  two.asker->ask("speak leon", "leon says hello, from 1");
}

TEST_CASE("a question that another process does not answer ends by its deadline",
          "[processes][B-208]") {
  TwoProcesses two("60000");
  two.asker->ask("late 500", "late: Timeout 500");
  two.asker->ask("ask 1", "asked: answered 1");
  const auto counters = two.asker->settled_counters();
  CHECK(counters.unconfirmed == 0);
}

TEST_CASE("strangers at the port of a process keep no other one from joining",
          "[processes][B-201]") {
  TwoProcesses two("60000");
  std::vector<Stranger> strangers;
  for (const std::string word : {"", "GET / HTTP/1.1\r\n\r\n", "\xff\xff\xff\xff garbage"})
    for (int i = 0; i < 10; ++i) strangers.emplace_back(two.seed, word);
  Process third({"3", two.limits[0], two.limits[1], two.seed});
  third.address();
  strangers.clear();  // they close their connections
  third.ask("find", "found on 1");
  third.ask("ask 10", "asked: answered 10");
  CHECK(third.finish() == 0);
  CHECK(two.asker->finish() == 0);
  CHECK(two.host->finish() == 0);
}

#ifdef COERCE_REMOTE_PROCESS_HAS_TOKENS
TEST_CASE("processes that share a secret find each other; one with another is refused and named",
          "[processes][B-051]") {
  const std::string secret = "a secret of more than thirty-two bytes";
  Process host({"1", "60000", "10000", "-", secret});
  const auto seed = host.address();
  host.ask("host", "hosting");
  Process other({"2", "60000", "10000", seed, "this is not what the others know"});
  // Who listens proves itself first.
  other.expect(".*no link to .*the signature of the token is wrong.*");
  host.expect(".*refused a connection.*\\(node 2\\).*Unauthorised.*");
  Process without({"3", "60000", "10000", seed});
  host.expect(".*refused a connection.*\\(node 3\\).*");
  Process equal({"4", "60000", "10000", seed, secret});
  equal.address();
  equal.ask("find", "found on 1");
  equal.ask("ask 10", "asked: answered 10");
  host.ask("nodes", "nodes 1 healthy, 4 healthy");
  equal.ask("nodes", "nodes 1 healthy, 4 healthy");
}
#endif

TEST_CASE("a process that is stopped for a moment misses nothing, and all is in order",
          "[processes]") {
  TwoProcesses two("60000", "60000");
  two.host->signal(SIGSTOP);
  // Less than may wait for a link.
  const int told = number_in(two.asker->ask("tell 5000 100", "told (\\d+), refused \\d+"), 1);
  two.host->signal(SIGCONT);
  two.asker->ask("ask 1", "asked: answered 1");  // behind all that was told
  two.host->ask("seen", "seen " + std::to_string(told) + ", disordered 0");
  const auto counters = two.asker->settled_counters();
  CHECK(counters.unconfirmed == 0);
  CHECK(counters.dead == 0);
}

TEST_CASE("a process that is stopped for too long is lost, and joins again when it goes on",
          "[processes][B-209][B-212]") {
  TwoProcesses two("2000");
  two.host->signal(SIGSTOP);
  two.asker->say("wait 200");
  two.asker->say("ask 200");
  const auto ended = two.asker->expect("(waited|asked): .*");
  two.asker->expect(ended[1] == "asked" ? "waited: .*" : "asked: .*");
  two.asker->settled_counters();
  two.asker->expect(".*node 1 .* is gone");
  two.asker->ask("nodes", "nodes 1 terminated, 2 healthy");
  two.host->signal(SIGCONT);
  two.asker->expect(".*node 1 .* is up");
  two.asker->ask("find", "found on 1");
  two.asker->ask("ask 10", "asked: answered 10");
}

TEST_CASE("a process that reads nothing costs bounded memory, and its link ends", "[processes]") {
  TwoProcesses two("60000", "1000");
  two.asker->ask("ask 10", "asked: answered 10");
  two.host->signal(SIGSTOP);
  const std::size_t before = two.asker->resident_bytes();
  int refused = 0;
  for (int round = 0; round < 20; ++round)
    refused += number_in(two.asker->ask("tell 10000 1024", "told \\d+, refused (\\d+)"), 1);
  CHECK(refused > 100'000);  // of 200 MB a few are in the queue and in the kernel's buffers
  CHECK(two.asker->counters().queued <= kMiB + kMiB / 8);  // the mark, and what went over it
  // A sanitizer keeps what is freed, and knows more of each byte.
  constexpr std::size_t kMost = (COERCE_ASAN || COERCE_TSAN) ? 1024 * kMiB : 32 * kMiB;
  CHECK(two.asker->resident_bytes() < before + kMost);
  two.asker->say("wait 100");
  two.asker->expect("waited: .*");
  two.asker->settled_counters();  // the link has ended: nothing is queued any more

  two.host->signal(SIGCONT);
  two.asker->ask("find", "found on 1");
  const auto counters = two.asker->settled_counters();
  const auto seen = two.host->ask("seen", "seen (\\d+), disordered 0");
  CHECK(std::stoull(seen[1]) + 100 + 10 >= counters.delivered);
  CHECK(std::stoull(seen[1]) <= counters.delivered + counters.unconfirmed);
}

TEST_CASE("SIGTERM to the host of a singleton hands it over, and the process ends with 0",
          "[processes][B-028][B-223]") {
  TwoProcesses two("60000");
  two.host->ask("register", "registered");
  two.asker->ask("register", "registered");
  two.host->ask("serve", "serving");
  two.asker->ask("visit 1", "asking");
  two.host->signal(SIGTERM);
  const auto said = two.asker->expect("answered (\\d+), failed (\\d+), now by 2");
  CHECK(number_in(said, 1) >= 1);
  CHECK(number_in(said, 2) <= 1);  // what was in its mailbox when it stopped
  CHECK(two.host->finish() == 0);
}

}  // namespace coerce::test::process_cases
