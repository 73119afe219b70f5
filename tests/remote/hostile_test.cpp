// Peers that do not keep to the protocol are refused and named in the log, and keep nobody else
// out.

#include <coerce/remote/system.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <set>

#include <coerce/remote/tcp.hpp>
#include <coerce/runtime/sleep.hpp>

#include "remote/certificates.hpp"
#include "remote/control_frames.hpp"
#include "remote/core.hpp"
#include "remote/log_lines.hpp"
#include "remote/stranger.hpp"
#include "remote/tcp_node.hpp"
#include "testkit/log_capture.hpp"

namespace coerce::test::hostile_cases {
namespace {

namespace frame_flag = detail::frame_flag;

/// Node 1, which listens, on a simulated network; node 2 is the stranger's.
struct Simulated {
  explicit Simulated(const Setup& setup = {}) : victim(build_node(sim.node(1), setup)) {
    test::start(sim.node(1), victim, {});
  }
  std::string address() { return address_of(sim.node(1)); }
  Transport& transport() { return *strange; }
  template <class A>
  auto run(A&& task) {
    return sim.node(2).run(std::forward<A>(task));
  }
  std::size_t times_logged(const std::string& text) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        log.lines, [&](const auto& line) { return line.text.find(text) != std::string::npos; }));
  }
  bool logs(const std::string& text, std::size_t times = 1) {
    return sim.run_until([&] { return times_logged(text) >= times; });
  }
  std::string text() const {
    std::string all;
    for (const auto& line : log.lines) all += line.text + "\n";
    return all;
  }
  const RemoteActorSystem& remote() const { return victim; }
  bool another_joins(const Setup& setup = {}) {
    auto third = build_node(sim.node(3), setup);
    test::start(sim.node(3), third, {address()});
    return table_of(victim).find("3 healthy") != std::string::npos;
  }

  testkit::detail::LogCapture log{false};
  testkit::Simulation sim{{.nodes = 3}};
  RemoteActorSystem victim;
  std::shared_ptr<Transport> strange = sim.node(2).transport();
};

/// The same over TCP.
struct OverTcp {
  explicit OverTcp(const Setup& setup = {}) : node(1, setup) {
    auto started = node.start();
    REQUIRE(started);
    server.emplace(std::move(*started));
  }
  std::string address() { return server->local_addr(); }
  Transport& transport() { return strange; }
  template <class A>
  auto run(A&& task) {
    return system.block_on(std::forward<A>(task));
  }
  std::size_t times_logged(const std::string& text) const { return log.times(text); }
  bool logs(const std::string& text, std::size_t times = 1) { return log.wait_for(text, times); }
  std::string text() const { return log.text(); }
  const RemoteActorSystem& remote() const { return *node.remote; }
  bool another_joins(const Setup& setup = {}) {
    TcpNode third(3, setup);
    return third.start({address()}).has_value() &&
           table_of(*node.remote).find("3 healthy") != std::string::npos;
  }

  LogLines log;
  TcpNode node;
  std::optional<RemoteServer> server;
  ActorSystem system = ActorSystem::builder().worker_threads(1).build();
  TcpTransport strange{system};
};

void shared_word(RemoteActorSystemBuilder& builder) {
  builder.authenticator(std::make_shared<SharedWord>("word"));
}

struct Words {
  const char* what;
  Bytes words;
  const char* reason;
};

Bytes control(FrameKind kind, std::uint16_t type, std::uint64_t request = 0) {
  return frame_of({.kind = kind, .type_id = type, .request_id = request}, bytes_of("what?"));
}

const char* const kNoHello = "what it says is no part of a hello";

/// Instead of a hello, or as one.
std::vector<Words> first_words() {
  const Bytes hello = hello_with([](Hello&) {});
  return {
      {"garbage", Bytes(10'000, 0xab), kNoHello},
      {"another protocol", bytes_of("GET / HTTP/1.1\r\nHost: coerce\r\n\r\n"), kNoHello},
      {"an oversized hello", frame_of(FrameKind::Hello, Bytes(4097)), kNoHello},
      {"a length of 4 GiB", frame_of({.length = UINT32_MAX, .kind = FrameKind::Hello}), kNoHello},
      {"flags", frame_of({.kind = FrameKind::Hello, .flags = frame_flag::kMore}), kNoHello},
      {"an unknown kind", frame_of(static_cast<FrameKind>(99)), kNoHello},
      {"a message", control(FrameKind::Notify, 1), kNoHello},
      {"a question of the library", control(FrameKind::Ask, 1, 1), kNoHello},
      {"a proof", frame_of(FrameKind::Proof, bytes_of("word")), kNoHello},
      {"an acceptance", frame_of(FrameKind::Accept, detail::encode_accept(7)), kNoHello},
      {"a refusal",
       frame_of(FrameKind::Refuse,
                detail::encode_refusal(ActorRefErrKind::AlreadyExists, "you have a link to me")),
       "you have a link to me"},
      {"no message of protobuf", frame_of(FrameKind::Hello, Bytes(100, 0xff)), "that is no hello"},
      {"nothing", frame_of(FrameKind::Hello), "that is no node of coerce"},
      {"another cluster", hello_with([](Hello& its) { its.cluster = "theirs"; }),
       "it belongs to another cluster"},
      {"a newer protocol",
       hello_with([](Hello& its) { its.protocol_min = its.protocol_max = 1000; }),
       "it speaks protocol 1000 to 1000"},
      {"the listener's role", hello_with([](Hello& its) { its.role = HelloFacts::Role::Listen; }),
       "sends back this node's own hello"},
      {"the listener's id", hello_with([](Hello& its) { its.node.id = 1; }),
       "another process uses the id of this node"},
      {"no id", hello_with([](Hello& its) { its.node.id = 0; }), "0 is no id of a node"},
      {"no incarnation", hello_with([](Hello& its) { its.node.incarnation = {}; }),
       "names no incarnation"},
      {"a short nonce", hello_with([](Hello& its) { its.nonce.pop_back(); }),
       "the nonce has 31 bytes"},
      {"a long name of a host", hello_with([](Hello& its) { its.host.assign(65, 'h'); }),
       "too long a name of the host"},
      {"frames that are too small", hello_with([](Hello& its) { its.max_frame = 1; }),
       "frames of at most 1 bytes"},
      {"an address for the log",
       hello_with([](Hello& its) { its.node.address = "1.2.3.4:1\n[info] all is well"; }),
       "the node's address is no plain text"},
      {"other proofs", hello_with([](Hello& its) { its.authenticator = "none at all"; }),
       "it wants other proofs than this node"},
      {"two hellos", joined({hello, hello}), kNoHello},
      {"a message behind the hello", joined({hello, control(FrameKind::Notify, 1)}), kNoHello},
      {"a message behind the acceptance",
       joined({hello, frame_of(FrameKind::Accept), control(FrameKind::Notify, 1)}),
       "it did not wait to be accepted"},
      {"an acceptance that cannot be read",
       joined({hello, frame_of(FrameKind::Accept, Bytes(9, 0xff))}), "that is no acceptance"},
  };
}

/// Once it has been accepted.
std::vector<Words> later_words() {
  const Bytes chunk(detail::kMaxChunk, 0x17);
  const Bytes part =
      frame_of({.kind = FrameKind::Notify, .flags = frame_flag::kMore, .target_id = 1}, chunk);
  Bytes endless;
  for (std::size_t size = 0; size <= detail::kDefaultMaxFrame; size += chunk.size())
    endless.insert(endless.end(), part.begin(), part.end());
  const Bytes hello = hello_with([](Hello&) {});
  return {
      {"garbage", Bytes(10'000, 0xab), "what came is no frame"},
      {"an unknown kind", frame_of(static_cast<FrameKind>(99)), "what came is no frame"},
      {"a frame of 64 KiB and a byte", frame_of({.length = 64 * 1024 + 1, .kind = FrameKind::Ping}),
       "what came is no frame"},
      {"an unknown flag", frame_of({.kind = FrameKind::Ping, .flags = 128}),
       "what came is no frame"},
      {"a hello", hello, "a frame of a hello on a link that is up"},
      {"an acceptance", frame_of(FrameKind::Accept, detail::encode_accept(9)),
       "a frame of a hello on a link that is up"},
      {"a refusal", frame_of(FrameKind::Refuse), "a frame of a hello on a link that is up"},
      {"a message to nobody", control(FrameKind::Notify, 1), "a number that stands for no actor"},
      {"a message without end", endless, "a message that is too long"},
      {"an empty chunk",
       joined({part,
               frame_of({.kind = FrameKind::Notify, .flags = frame_flag::kMore, .target_id = 1})}),
       "chunks that do not belong together"},
      {"chunks of two messages", joined({part, control(FrameKind::Request, 1)}),
       "chunks that do not belong together"},
      {"bad extensions",
       frame_of({.kind = FrameKind::Request, .flags = frame_flag::kExtensions},
                Bytes{0xff, 0xff, 0xff}),
       "a malformed extension block"},
      {"bad names",
       frame_of({.kind = FrameKind::Notify, .flags = frame_flag::kInline}, Bytes(3, 0xff)),
       "malformed names"},
      {"a ping that is none", frame_of(FrameKind::Ping, Bytes(9, 0xff)), "a malformed ping"},
      {"a pong that is none", frame_of(FrameKind::Pong, Bytes(9, 0xff)), "a malformed pong"},
      {"a receipt for what was not sent",
       frame_of(FrameKind::Ping, to_bytes(detail::Ping{1, 1ms, {1000, 0}})),
       "a ping that confirms what was not sent"},
      {"a goodbye that is none", frame_of(FrameKind::Goodbye, Bytes(9, 0xff)),
       "a malformed goodbye"},
      {"a proof that nobody asked for", frame_of(FrameKind::Proof, bytes_of("word")),
       "nobody has asked for"},
  };
}

/// All of the first frame that comes.
Task<Bytes> read_frame(Connection& connection) {
  Bytes frame(detail::kFrameHeaderSize);
  std::size_t have = 0;
  while (have < frame.size()) {
    const auto room = std::span(frame).subspan(have);
    auto reading = connection.read_some(room);
    const auto count = co_await reading;
    if (!count || *count == 0) break;
    have += *count;
    if (have == detail::kFrameHeaderSize)
      frame.resize(have + std::min<std::size_t>(detail::read_header(frame.data()).length, 4096));
  }
  co_return frame;
}

}  // namespace

TEMPLATE_TEST_CASE(
    "whoever does not begin with a good hello is refused and named, and another joins",
    "[hostile][system][B-201]", Simulated, OverTcp) {
  TestType world;
  for (const auto& [what, words, reason] : first_words()) {
    INFO(what << '\n' << world.text());
    const std::size_t before = world.times_logged(reason);
    auto dialling = dial_and_say(world.transport(), world.address(), words);
    (void)world.run(std::move(dialling));  // it ends
    CHECK(world.logs(reason, before + 1));
  }
  CHECK(world.another_joins());
}

TEMPLATE_TEST_CASE(
    "a node that breaks the protocol once it is accepted loses its link, and is named",
    "[hostile][system][B-201]", Simulated, OverTcp) {
  TestType world;
  NodeId id = 100;
  for (const auto& [what, words, reason] : later_words()) {
    INFO(what << '\n' << world.text());
    const std::size_t before = world.times_logged(reason);
    auto being = be_accepted_and_say(world.transport(), world.address(), polite(++id), words);
    auto heard = world.run(std::move(being));
    REQUIRE(heard);
    CHECK(world.logs("with node " + std::to_string(id) + " has ended: "));
    CHECK(world.logs(reason, before + 1));
  }
}

TEMPLATE_TEST_CASE("unknown questions are answered with an error, and harm no link",
                   "[hostile][system][B-201]", Simulated, OverTcp) {
  TestType world;
  const Bytes words = joined({
      control(FrameKind::Ask, 9999, 7),
      control(FrameKind::Tell, 9999),
      control(FrameKind::Answer, 0, 12345),
      control(FrameKind::AskFailed, 0, 12346),
      frame_of({.kind = FrameKind::Reply, .request_id = 12347}),
      frame_of({.kind = FrameKind::Error, .request_id = 12348}),
      frame_of(FrameKind::Goodbye),
  });
  auto being = be_accepted_and_say(world.transport(), world.address(), polite(66), words);
  auto heard = world.run(std::move(being));
  REQUIRE(heard);
  INFO(heard->size() << " bytes\n" << world.text());
  bool is_answered = false;
  for (std::size_t at = 0; at + detail::kFrameHeaderSize <= heard->size();) {
    const FrameHeader header = detail::read_header(heard->data() + at);
    at += detail::kFrameHeaderSize + header.length;
    is_answered = is_answered || (header.kind == FrameKind::AskFailed && header.request_id == 7);
  }
  CHECK(is_answered);
  CHECK(world.logs("what node 66 told (9999) was not taken"));
}

TEMPLATE_TEST_CASE("a node that is linked but no member is refused all that is for members",
                   "[hostile][system][B-201]", Simulated, OverTcp) {
  constexpr std::uint16_t kKinds[] = {2, 3, 5, 6, 7, 8, 9, 10, 11, 12};
  TestType world;
  Bytes words = control(FrameKind::Tell, 4);
  for (const std::uint16_t kind : kKinds)
    words = joined({words, control(FrameKind::Ask, kind, kind)});
  auto being = be_accepted_and_say(world.transport(), world.address(), polite(66), words);
  auto heard = world.run(std::move(being));
  REQUIRE(heard);
  INFO(world.text());
  std::set<std::uint64_t> refused;
  for (std::size_t at = 0; at + detail::kFrameHeaderSize <= heard->size();) {
    const FrameHeader header = detail::read_header(heard->data() + at);
    at += detail::kFrameHeaderSize;
    if (header.kind == FrameKind::AskFailed) {
      const auto error = decode_message<ActorRefErr>(BytesView(*heard).subspan(at, header.length));
      REQUIRE(error);
      CHECK(error->kind() == ActorRefErrKind::Unauthorised);
      refused.insert(header.request_id);
    }
    at += header.length;
  }
  CHECK(refused == std::set<std::uint64_t>(std::begin(kKinds), std::end(kKinds)));
  CHECK(world.logs("was refused: it is no member of the cluster"));
  for (const std::uint16_t kind : kKinds)
    CHECK(world.remote().core().asked(static_cast<detail::InternalKind>(kind)) == 0);
}

TEMPLATE_TEST_CASE("a node without the right proof is refused and named, and another joins",
                   "[hostile][system][B-051]", Simulated, OverTcp) {
  TestType world(&shared_word);
  auto settings = polite(66);
  settings.authenticator = std::make_shared<SharedWord>("word");
  SECTION("no proof") {
    const auto hello = hello_with([](Hello& its) { its.authenticator = "shared-word"; });
    const Bytes words = joined({hello, frame_of(FrameKind::Accept)});
    auto dialling = dial_and_say(world.transport(), world.address(), words);
    (void)world.run(std::move(dialling));
    CHECK(world.logs(kNoHello));
  }
  SECTION("too long a proof") {
    const auto hello = hello_with([](Hello& its) { its.authenticator = "shared-word"; });
    const Bytes words = joined({hello, frame_of(FrameKind::Proof, Bytes(2049))});
    auto dialling = dial_and_say(world.transport(), world.address(), words);
    (void)world.run(std::move(dialling));
    CHECK(world.logs("the proof is too long"));
  }
  SECTION("a wrong proof") {
    const auto hello = hello_with([](Hello& its) { its.authenticator = "shared-word"; });
    const Bytes words = joined({hello, frame_of(FrameKind::Proof, bytes_of("guess"))});
    auto dialling = dial_and_say(world.transport(), world.address(), words);
    const auto heard = world.run(std::move(dialling));
    CHECK(world.logs("(node 66): it does not know the word"));
    // The stranger learns the kind of error, and nothing of why.
    CHECK(text_of(heard).find("does not know") == std::string_view::npos);
  }
  SECTION("a listener that does not prove itself hears no proof") {
    settings.authenticator = std::make_shared<SharedWord>("another word");
    auto being = be_accepted_and_say(world.transport(), world.address(), settings, {});
    const auto refused = world.run(std::move(being));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind() == ActorRefErr::Kind::Unauthorised);
    CHECK(world.logs("refused by the peer (Unauthorised)"));
  }
  INFO(world.text());
  CHECK(world.another_joins(&shared_word));
}

TEST_CASE(
    "whoever says its hello a byte a second, or nothing, is refused after the handshake timeout",
    "[hostile][system][B-201]") {
  Simulated world;
  const auto speak_slowly = [](Transport& transport, std::string address,
                               std::size_t count) -> Task<std::size_t> {
    auto connecting = transport.connect(std::move(address));
    auto connection = co_await connecting;
    const Bytes hello = hello_with([](Hello&) {});
    std::size_t said = 0;
    while (said < count) {
      const Bytes one(1, hello[said]);
      auto writing = (*connection)->write(one);
      const auto written = co_await writing;
      if (!written) co_return said;
      ++said;
      const bool slept = co_await sleep_for(1s);
      if (!slept) break;
    }
    auto saying = say(**connection, {});
    (void)co_await saying;
    co_return said;
  };
  for (const std::size_t count : {std::size_t{0}, std::size_t{30}}) {
    const Duration before = world.sim.now();
    auto speaking = speak_slowly(world.transport(), world.address(), count);
    const auto said = world.run(std::move(speaking));
    CHECK(said <= 7);
    CHECK(world.sim.now() - before < 8s);
    CHECK(world.logs("it took too long to say hello"));
    world.log.lines.clear();
  }
  CHECK(world.another_joins());
}

TEST_CASE("a listener that sends back what it hears is refused and named by the dialler",
          "[hostile][system][B-051]") {
  testkit::detail::LogCapture log(false);
  testkit::Simulation sim{{.nodes = 2}};
  const auto echo = [](std::shared_ptr<Transport> transport, std::string address,
                       bool other_role) -> Task<void> {
    auto listening = transport->listen(std::move(address));
    auto listener = co_await listening;
    for (;;) {
      auto accepted = co_await (*listener)->accept();
      if (!accepted) co_return;
      auto listening_to = read_frame(**accepted);
      Bytes room = co_await listening_to;
      if (other_role) {
        auto hello =
            detail::decode_hello(BytesView(room).subspan(detail::kFrameHeaderSize)).value();
        hello.role = HelloFacts::Role::Listen;
        hello.node.id = 2;
        room = frame_of(FrameKind::Hello, detail::encode_hello(hello).value());
      }
      auto saying = say(**accepted, room);
      (void)co_await saying;
    }
  };
  const bool other_role = GENERATE(false, true);
  sim.node(2).system().spawn(echo(sim.node(2).transport(), address_of(sim.node(2)), other_role));
  auto remote = build_node(sim.node(1));
  auto worker = worker_of(sim.node(1), remote, {address_of(sim.node(2))});
  auto server = sim.node(1).run(worker.join_timeout(2s).start());
  REQUIRE_FALSE(server);
  std::string text;
  for (const auto& line : log.lines) text += line.text + "\n";
  INFO(text);
  CHECK(std::ranges::any_of(log.lines, [&](const auto& line) {
    return line.text.find("no link to " + address_of(sim.node(2))) != std::string::npos &&
           line.text.find("sends back this node's own hello") != std::string::npos;
  }));
}

TEMPLATE_TEST_CASE("whoever says that it is the listener itself is refused and named",
                   "[hostile][system][B-201]", Simulated, OverTcp) {
  TestType world;
  const auto words = hello_with([&](Hello& its) { its.node = world.remote().core().self(); });
  auto dialling = dial_and_say(world.transport(), world.address(), words);
  (void)world.run(std::move(dialling));
  INFO(world.text());
  CHECK(world.logs("(node 1): it says that it is this node itself"));
  CHECK(world.another_joins());
}

TEST_CASE("a stranger at the address of the seed cannot make a node believe that it is alone",
          "[hostile][system][B-201]") {
  testkit::Simulation sim{{.nodes = 2}};
  auto remote = build_node(sim.node(1));
  const bool by_refusal = GENERATE(true, false);
  const auto answer = [](std::shared_ptr<Transport> transport, std::string address,
                         const RemoteActorSystem* victim, bool refuses) -> Task<void> {
    auto listening = transport->listen(std::move(address));
    auto listener = co_await listening;
    for (;;) {
      auto accepted = co_await (*listener)->accept();
      if (!accepted) co_return;
      auto listening_to = read_frame(**accepted);
      (void)co_await listening_to;
      Bytes words = frame_of(FrameKind::Refuse,
                             detail::encode_refusal(ActorRefErrKind::AlreadyExists, "it is you"));
      if (!refuses)
        words = hello_with([&](Hello& its) {
          its.node = victim->core().self();
          its.role = HelloFacts::Role::Listen;
        });
      auto saying = say(**accepted, std::move(words));
      (void)co_await saying;
    }
  };
  sim.node(2).system().spawn(
      answer(sim.node(2).transport(), address_of(sim.node(2)), &remote, by_refusal));
  auto worker = worker_of(sim.node(1), remote, {address_of(sim.node(2))});
  auto server = sim.node(1).run(worker.join_timeout(10s).start());
  REQUIRE_FALSE(server);
  CHECK(server.error().kind() == ActorRefErr::Kind::Timeout);
}

TEST_CASE("a certificate of nobody, of another authority or of another node is refused and named",
          "[hostile][system][tls][B-051]") {
  const Certificates certificates;
  const auto setup = [&](const char* certificate) {
    return Setup([options = certificates.of(certificate)](RemoteActorSystemBuilder& builder) {
      builder.tls(options);
    });
  };
  OverTcp world(setup("local"));
  const auto dial_with = [&](Transport& transport, NodeId id) {
    auto being =
        be_accepted_and_say(transport, world.address(), polite(id), frame_of(FrameKind::Goodbye));
    return world.run(std::move(being)).has_value();
  };
  CHECK_FALSE(dial_with(world.transport(), 66));
  CHECK(world.logs("refused a connection from 127.0.0.1"));
  TcpTransport other(world.system, certificates.of("other"));
  CHECK_FALSE(dial_with(other, 66));
  CHECK(world.logs("certificate verify failed"));
  TcpTransport expired(world.system, certificates.of("expired"));
  CHECK_FALSE(dial_with(expired, 66));
  CHECK(world.logs("expired"));
  TcpTransport node2(world.system, certificates.of("node2"));
  CHECK_FALSE(dial_with(node2, 3));
  CHECK(world.logs("it says that it is node 3, its certificate is of another"));
  CHECK(dial_with(node2, 2));
  INFO(world.text());
  CHECK(world.another_joins(setup("local")));
}

}  // namespace coerce::test::hostile_cases
