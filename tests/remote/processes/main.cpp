// A node as a process of its own, which does what it is told to, line by line.
//
// Usage: coerce_remote_process ID TERMINATED_MS WRITE_DEADLINE_MS [SEED [SECRET]]
//
// SEED may be "-": none. All nodes but 2 can make speakers.
//
//   host            starts the actors "counter" and "silent"               hosting
//   find            looks for them, until all who may know can be asked    found on NODE
//   tell N BYTES    N more numbers to the counter, each with so many bytes  told N, refused N
//   ask N           N questions at once to the counter                     asked: KIND N, ...
//   wait N          N questions at once to the silent one; says when they have ended
//   late N          the same, but each question waits 50 ms only           late: KIND N, ...
//   deploy ID NODE WORD  lets a node make a speaker                        ID was made on NODE
//   locate ID       which node has it                                      ID is on NODE
//   speak ID        asks the speaker that it has deployed, or looks for    ID says WORD, from NODE
//   status ID       of that one                                            ID is STATUS
//   stop ID         that one                                               ID has stopped
//   seen            what the counter here has seen                         seen N, disordered N
//   counters        of all links                                           sent N, ...
//   nodes           whom it knows                                          nodes 1 healthy, ...
//   register        has the singleton, which may run here                  registered
//   visit NODE      asks it, until it does not run on NODE any more        asking; answered N, ...
//   serve           takes no more commands, but SIGTERM                    serving; ended
//   leave           says goodbye to all others                             left
//
// It ends in order when its input does. Lines of the log stand between the answers.

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "actors.hpp"

namespace remote_process {
namespace {

using namespace std::chrono_literals;

template <class... Words>
void say(fmt::format_string<Words...> format, Words&&... words) {
  const std::string line = fmt::format(format, std::forward<Words>(words)...) + "\n";
  std::fwrite(line.data(), 1, line.size(), stdout);  // in one piece, beside the log's
  std::fflush(stdout);
}

/// How many questions have ended in which way.
class Tally {
 public:
  Tally(std::string name, int questions) : name_(std::move(name)), left_(questions) {}

  void add(const coerce::Result<std::int64_t>& answer) {
    const std::lock_guard guard(mutex_);
    ++ends_[answer ? "answered" : std::string(coerce::to_string(answer.error().kind()))];
    if (--left_ > 0) return;
    std::string text;
    for (const auto& [end, count] : ends_)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", end, count);
    say("{}: {}", name_, text);
  }

 private:
  const std::string name_;
  std::mutex mutex_;
  int left_;
  std::map<std::string, int> ends_;
};

template <class A>
coerce::Task<void> ask_once(coerce::ActorRef<A> actor, std::int64_t number, coerce::Duration limit,
                            std::shared_ptr<Tally> tally) {
  auto asking = actor.send(Ask{number}, limit);
  auto answer = co_await asking;
  if (answer && *answer != number) std::abort();  // the answer to another question
  tally->add(answer);
}

/// The node of this process, and what it has found.
class Node {
 public:
  Node(coerce::ActorSystem system, coerce::RemoteActorSystem remote)
      : system_(std::move(system)), remote_(std::move(remote)) {}

  void host() {
    auto counter = system_.block_on(coerce::into_actor<Counter>("counter", system_));
    auto silent = system_.block_on(coerce::into_actor<Silent>("silent", system_));
    if (!counter || !silent) return say("not hosting");
    hosted_ = *counter;
    say("hosting");
  }

  void find() {
    counter_ = found<Counter>("counter");
    silent_ = found<Silent>("silent");
    if (!counter_ || !silent_) return;
    say("found on {}", node_of(*counter_));
  }

  void tell(int count, std::size_t bytes) {
    if (!counter_) return say("nothing found");
    int refused = 0;
    for (int i = 0; i < count; ++i)
      if (!counter_->notify<Number>(++number_, std::string(bytes, 'b'))) ++refused;
    say("told {}, refused {}", count - refused, refused);
  }

  template <class A>
  void ask(const std::optional<coerce::ActorRef<A>>& actor, const char* name, int count,
           coerce::Duration limit = 5s) {
    if (!actor) return say("nothing found");
    auto tally = std::make_shared<Tally>(name, count);
    for (int i = 0; i < count; ++i) system_.spawn(ask_once(*actor, i, limit, tally));
  }
  void ask(int count) { ask(counter_, "asked", count); }
  void wait(int count) { ask(silent_, "waited", count); }
  void late(int count) { ask(silent_, "late", count, 50ms); }

  void deploy(const std::string& id, coerce::NodeId on, const std::string& word) {
    auto options = coerce::DeployOptions().id(id).node(on);
    const Word recipe{word};
    auto made = system_.block_on(remote_.deploy_actor(SpeakerFactory(), recipe, options));
    if (!made) return say("{}: {}", id, made.error());
    say("{} was made on {}", id, node_of(*made));
    speakers_.insert_or_assign(id, *made);
  }

  void locate(const std::string& id) {
    const auto found = system_.block_on(remote_.locate_actor_node(id));
    if (!found) return say("{}: {}", id, found.error());
    say("{} is on {}", id, *found);
  }

  void speak(const std::string& id) {
    const auto speaker = speaker_of(id);
    if (!speaker) return say("{}: {}", id, speaker.error());
    const auto word = system_.block_on(speaker->send(Speak()));
    if (!word) return say("{}: {}", id, word.error());
    say("{} says {}, from {}", id, *word, node_of(*speaker));
  }

  void status(const std::string& id) {
    const auto speaker = speaker_of(id);
    if (!speaker) return say("{}: {}", id, speaker.error());
    const auto status = system_.block_on(speaker->status());
    if (!status) return say("{}: {}", id, status.error());
    say("{} is {}", id, coerce::to_string(*status));
  }

  void stop(const std::string& id) {
    const auto speaker = speaker_of(id);
    if (!speaker) return say("{}: {}", id, speaker.error());
    const auto stopped = system_.block_on(speaker->stop());
    if (!stopped) return say("{}: {}", id, stopped.error());
    say("{} has stopped", id);
  }

  void seen() {
    if (!hosted_) return say("nothing hosted");
    const auto seen = system_.block_on(hosted_->send(GetSeen{}));
    if (!seen) return say("not seen: {}", seen.error());
    say("seen {}, disordered {}", seen->numbers, seen->disordered);
  }

  void counters() {
    const auto all = remote_.counters();
    say("sent {}, delivered {}, refused {}, dead {}, unconfirmed {}, queued {}", all.messages_sent,
        all.peer_delivered, all.peer_refused, all.dead_letters, all.unconfirmed, all.queue_bytes);
  }

  void nodes() {
    std::string text;
    for (const auto& node : remote_.get_nodes())
      text +=
          fmt::format("{}{} {}", text.empty() ? "" : ", ", node.id, coerce::to_string(node.status));
    say("nodes {}", text);
  }

  /// The singleton. It answers with the node that it runs on.
  void enroll() {
    auto builder = coerce::Singleton<Register>::builder(remote_);
    const auto make = [node = remote_.node_id()] { return Register(node); };
    builder.factory(make);
    auto built = system_.block_on(builder.build());
    if (!built) return say("not registered: {}", built.error());
    register_ = *built;
    say("registered");
  }
  /// Until another node than `host` has answered.
  void move_from(std::int64_t host) {
    std::int64_t node = host;
    int answered = 0;
    int failed = 0;
    say("asking");
    for (int i = 0; node == host && i < 1'000'000; ++i) {
      auto asking = register_->send_for<Visit>(20s);
      const auto answer = system_.block_on(std::move(asking));
      ++(answer ? answered : failed);
      if (answer) node = *answer;
    }
    say("answered {}, failed {}, now by {}", answered, failed, node);
  }

  void leave() {
    system_.block_on(remote_.leave());
    say("left");
  }

 private:
  /// Looks again while somebody who may have the actor cannot be asked.
  template <class A>
  std::optional<coerce::ActorRef<A>> found(const char* id) {
    while (true) {
      auto actor = system_.block_on(remote_.actor_ref<A>(id));
      if (actor) return *actor;
      if (actor.error().kind() != coerce::ActorRefErr::Kind::Unreachable) {
        say("not found: {}", actor.error());
        return std::nullopt;
      }
      system_.block_on(coerce::sleep_for(20ms));
    }
  }

  coerce::Result<coerce::ActorRef<Speaker>> speaker_of(const std::string& id) {
    if (const auto known = speakers_.find(id); known != speakers_.end()) return known->second;
    auto found = system_.block_on(remote_.actor_ref<Speaker>(id));
    if (found) speakers_.insert_or_assign(id, *found);
    return found;
  }
  template <class A>
  coerce::NodeId node_of(const coerce::ActorRef<A>& actor) const {
    return actor.node_id().value_or(remote_.node_id());
  }

  coerce::ActorSystem system_;
  coerce::RemoteActorSystem remote_;
  std::optional<coerce::LocalActorRef<Counter>> hosted_;
  std::optional<coerce::ActorRef<Counter>> counter_;
  std::optional<coerce::ActorRef<Silent>> silent_;
  std::map<std::string, coerce::ActorRef<Speaker>> speakers_;
  std::optional<coerce::Singleton<Register>> register_;
  std::int64_t number_ = 0;
};

/// Commands about a speaker.
bool obey_about(Node& node, const std::string& command, std::istringstream& words) {
  std::string id, word;
  coerce::NodeId on = 0;
  if (command == "deploy") return words >> id >> on >> word, node.deploy(id, on, word), true;
  if (command == "locate") return words >> id, node.locate(id), true;
  if (command == "speak") return words >> id, node.speak(id), true;
  if (command == "status") return words >> id, node.status(id), true;
  if (command == "stop") return words >> id, node.stop(id), true;
  return false;
}

void obey(Node& node, const std::string& line) {
  std::istringstream words(line);
  std::string command;
  int count = 0;
  std::size_t bytes = 0;
  words >> command;
  if (obey_about(node, command, words)) return;
  words >> count >> bytes;
  if (command == "host") return node.host();
  if (command == "find") return node.find();
  if (command == "tell") return node.tell(count, bytes);
  if (command == "ask") return node.ask(count);
  if (command == "wait") return node.wait(count);
  if (command == "late") return node.late(count);
  if (command == "seen") return node.seen();
  if (command == "counters") return node.counters();
  if (command == "nodes") return node.nodes();
  if (command == "register") return node.enroll();
  if (command == "visit") return node.move_from(count);
  if (command == "leave") return node.leave();
  say("what is '{}'?", line);
}

std::chrono::milliseconds milliseconds_of(const std::string& word) {
  return std::chrono::milliseconds(std::stoi(word));
}

coerce::Result<coerce::RemoteActorSystem> build(coerce::ActorSystem& system,
                                                const std::vector<std::string>& arguments) {
  coerce::RemoteLimits limits;
  limits.write_deadline = milliseconds_of(arguments[2]);
  auto builder = coerce::RemoteActorSystem::builder();
  const auto id = static_cast<coerce::NodeId>(std::stoi(arguments[0]));
  builder.with_id(id)
      .with_actor_system(system)
      .limits(limits)
      .heartbeat({.interval = 50ms,
                  .unhealthy_node_heartbeat_timeout = 400ms,
                  .terminated_node_heartbeat_timeout = milliseconds_of(arguments[1])})
      .with_handlers([id](coerce::RemoteHandlers& handlers) {
        handlers.with_handler<Counter, Number>("Counter.Number")
            .with_handler<Counter, Ask>("Counter.Ask")
            .with_handler<Silent, Ask>("Silent.Ask")
            .with_handler<Speaker, Speak>("Speaker.Speak")
            .with_handler<Register, Visit>("Register.Visit");
        if (id != 2) handlers.with_actor(SpeakerFactory());
      });
#ifdef COERCE_REMOTE_PROCESS_HAS_TOKENS
  if (arguments.size() > 4) builder.client_auth_jwt(arguments[4], 60s);
#endif
  return system.block_on(builder.build());
}

/// Until the system shuts down.
coerce::Task<int> wait_for_the_end() {
  for (bool goes_on = true; goes_on;) goes_on = co_await coerce::sleep_for(1h);
  co_return 0;
}

int run(const std::vector<std::string>& arguments) {
  auto system = coerce::ActorSystem::builder().worker_threads(2).build();
  auto remote = build(system, arguments);
  if (!remote) return say("no node: {}", remote.error()), 1;
  auto worker = remote->cluster_worker();
  worker.listen_addr("127.0.0.1:0");
  if (arguments.size() > 3 && arguments[3] != "-") worker.with_seed_addr(arguments[3]);
  auto server = system.block_on(worker.start());
  if (!server) return say("not joined: {}", server.error()), 1;
  say("at {}", server->local_addr());
  {
    Node node(system, *remote);
    for (std::string line; std::getline(std::cin, line);) {
      if (line == "serve") {
        say("serving");
        const int code = coerce::detail::run_main(system, wait_for_the_end());
        say("ended");
        return code;
      }
      obey(node, line);
    }
  }
  const auto report = system.shutdown_blocking(20s);
  say("ended");
  return report.complete ? 0 : 1;
}

}  // namespace
}  // namespace remote_process

int main(int count, char** arguments) {
  if (count < 4) {
    std::fputs("usage: coerce_remote_process ID TERMINATED_MS WRITE_DEADLINE_MS [SEED [SECRET]]\n",
               stderr);
    return 2;
  }
  return remote_process::run({arguments + 1, arguments + count});
}
