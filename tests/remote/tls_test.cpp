#include <coerce/remote/tls.hpp>

#include <fstream>

#include <catch2/catch.hpp>

#include <coerce/testkit.hpp>

#include "remote/certificates.hpp"
#include "remote/wire_support.hpp"

namespace coerce::test {
namespace {

/// Two nodes that meet once.
struct Meeting {
  Meeting(ActorSystem& system, const TlsOptions& dialler, const TlsOptions& listener,
          std::string host = "127.0.0.1")
      : dials(system, dialler),
        listens(system, listener),
        streams(system.block_on(connect_streams(dials, listens, std::move(host)))) {}

  bool worked() const { return streams.dialler_secured && streams.listener_secured; }

  TcpTransport dials;
  TcpTransport listens;
  Streams streams;
};

std::string text(const TransportResult<void>& result) {
  return result ? std::string("fine") : result.error().to_string();
}

Task<TransportResult<std::size_t>> read_once(Connection& connection) {
  Bytes room(64);
  co_return co_await connection.read_some(room);
}

void check_refused(const TransportResult<void>& result, std::string_view word) {
  REQUIRE(!result);
  CHECK(result.error().kind() == TransportErrKind::Insecure);
  CHECK_THAT(result.error().to_string(), Catch::Contains(std::string(word)));
  CHECK_THAT(result.error().to_string(), Catch::Contains("127.0.0.1:"));
}

}  // namespace

TEST_CASE("bytes go both ways under TLS, beside each other", "[tls]") {
  const Certificates certificates;
  for (const unsigned workers : {0U, 1U, 2U}) {
    auto system = system_with(workers);
    Meeting meeting(system, certificates.of("local"), certificates.of("local"));
    INFO(text(meeting.streams.dialler_secured) << ", " << text(meeting.streams.listener_secured));
    REQUIRE(meeting.worked());
    CHECK(meeting.dials.is_confidential());
    const Bytes much = pattern(4 << 20);
    auto& streams = meeting.streams;
    auto talk = [&]() -> Task<bool> {
      auto all = co_await when_all(streams.dialled->write(much), streams.accepted->write(much),
                                   read_bytes(*streams.dialled, much.size()),
                                   read_bytes(*streams.accepted, much.size()));
      co_return std::get<0>(all) && std::get<1>(all) &&
          std::get<2>(all) == much&& std::get<3>(all) == much;
    };
    CHECK(system.block_on(talk()));
    CHECK(streams.dialled->written() > much.size());
    streams.dialled.reset();
    auto last = system.block_on(read_once(*streams.accepted));
    REQUIRE(last);
    CHECK(*last == 0);
  }
}

TEST_CASE("both ends of a TLS stream, and no other, have one channel binding", "[tls]") {
  const Certificates certificates;
  auto system = system_with(1);
  Meeting first(system, certificates.of("local"), certificates.of("local"));
  Meeting second(system, certificates.of("local"), certificates.of("local"));
  REQUIRE(first.worked());
  REQUIRE(second.worked());
  REQUIRE(first.streams.dialled->channel_binding());
  CHECK(first.streams.dialled->channel_binding()->size() == 32);
  CHECK(first.streams.dialled->channel_binding() == first.streams.accepted->channel_binding());
  CHECK(first.streams.dialled->channel_binding() != second.streams.dialled->channel_binding());
}

TEST_CASE("each side learns the names that the other has proven", "[tls]") {
  const Certificates certificates;
  auto system = system_with(1);
  Meeting meeting(system, certificates.of("node1"), certificates.of("node2"));
  INFO(text(meeting.streams.dialler_secured) << ", " << text(meeting.streams.listener_secured));
  REQUIRE(meeting.worked());
  CHECK(meeting.streams.dialled->peer_names() ==
        std::vector<std::string>{"node-2", "two.example.org"});
  CHECK(meeting.streams.accepted->peer_names() == std::vector<std::string>{"node-1"});
}

TEST_CASE("who dials accepts the dialled host, a configured name or a node, and nobody else",
          "[tls]") {
  const Certificates certificates;
  auto system = system_with(1);
  const auto local = certificates.of("local");
  CHECK(Meeting(system, local, local, "127.0.0.1").worked());
  CHECK(Meeting(system, local, local, "localhost").worked());

  Meeting wrong(system, local, certificates.of("elsewhere"));
  check_refused(wrong.streams.dialler_secured, "elsewhere.example.org");

  auto configured = certificates.of("local");
  configured.server_name("elsewhere.example.org");
  CHECK(Meeting(system, configured, certificates.of("elsewhere")).worked());
  Meeting other_name(system, configured, local);
  check_refused(other_name.streams.dialler_secured, "elsewhere.example.org");
}

TEST_CASE("a certificate of another authority is refused on both sides", "[tls]") {
  const Certificates certificates;
  auto system = system_with(1);
  Meeting listener(system, certificates.of("local"), certificates.of("other"));
  check_refused(listener.streams.dialler_secured, "certificate verify failed");
  Meeting dialler(system, certificates.of("other"), certificates.of("local"));
  check_refused(dialler.streams.listener_secured, "certificate verify failed");
}

TEST_CASE("an expired certificate is refused on both sides", "[tls]") {
  const Certificates certificates;
  auto system = system_with(1);
  Meeting listener(system, certificates.of("local"), certificates.of("expired"));
  check_refused(listener.streams.dialler_secured, "expired");
  Meeting dialler(system, certificates.of("expired"), certificates.of("local"));
  check_refused(dialler.streams.listener_secured, "expired");
}

TEST_CASE("a dialler that was refused by the listener learns it with its first read", "[tls]") {
  const Certificates certificates;
  auto system = system_with(1);
  Meeting meeting(system, certificates.of("expired"), certificates.of("local"));
  REQUIRE(!meeting.streams.listener_secured);
  if (!meeting.streams.dialler_secured) return;  // TLS 1.2 tells it in the handshake
  auto read = system.block_on(read_once(*meeting.streams.dialled));
  REQUIRE(!read);
  CHECK(read.error().kind() == TransportErrKind::Insecure);
}

TEST_CASE("nothing is carried by a stream whose handshake has failed or was left out", "[tls]") {
  const Certificates certificates;
  auto system = system_with(1);
  TcpTransport transport(system, certificates.of("local"));
  auto listener = system.block_on(transport.listen("127.0.0.1:0"));
  REQUIRE(listener);
  auto dialled = system.block_on(transport.connect((*listener)->local_address()));
  REQUIRE(dialled);
  CHECK_FALSE(system.block_on(write_text(**dialled, "secret")));
  auto read = system.block_on(read_once(**dialled));
  REQUIRE(!read);
  CHECK(read.error().kind() == TransportErrKind::Insecure);

  Meeting failed(system, certificates.of("local"), certificates.of("expired"));
  CHECK_FALSE(system.block_on(write_text(*failed.streams.dialled, "secret")));
}

TEST_CASE("a peer that does not speak TLS is refused by both sides", "[tls]") {
  const Certificates certificates;
  auto system = system_with(1);
  TcpTransport plain(system);
  TcpTransport tls(system, certificates.of("local"));
  auto check = [&](Transport& dialler, Transport& listener) -> Task<void> {
    auto listening = co_await listener.listen("127.0.0.1:0");
    REQUIRE(listening);
    const std::string address = (*listening)->local_address();
    auto dialled = co_await dialler.connect(address);
    auto accepted = co_await (*listening)->accept();
    REQUIRE(dialled);
    REQUIRE(accepted);
    const bool listener_is_plain = &listener == &plain;
    auto& stranger = listener_is_plain ? *accepted : *dialled;
    auto& secured = listener_is_plain ? *dialled : *accepted;
    auto sent = co_await write_text(*stranger, "GET / HTTP/1.1\r\n\r\n");
    CHECK(sent);
    const std::string whom = listener_is_plain ? address : std::string();
    auto result = co_await tls.secure(*secured, whom);
    REQUIRE(!result);
    CHECK(result.error().kind() == TransportErrKind::Insecure);
    auto wrong = co_await tls.secure(*stranger, address);
    REQUIRE(!wrong);
    CHECK(wrong.error().kind() == TransportErrKind::Insecure);
  };
  system.block_on(check(plain, tls));
  system.block_on(check(tls, plain));
}

TEST_CASE("a peer that ends or says nothing in the handshake holds up nobody", "[tls]") {
  const Certificates certificates;
  auto system = system_with(1);
  TcpTransport plain(system);
  TcpTransport tls(system, certificates.of("local"));
  auto check = [&]() -> Task<void> {
    auto listening = co_await tls.listen("127.0.0.1:0");
    REQUIRE(listening);
    const std::string address = (*listening)->local_address();
    auto silent = co_await plain.connect(address);
    auto accepted = co_await (*listening)->accept();
    REQUIRE(silent);
    REQUIRE(accepted);
    auto late = co_await with_timeout(tls.secure(**accepted, ""), 5ms);
    CHECK_FALSE(late);

    auto gone = co_await plain.connect(address);
    REQUIRE(gone);
    accepted = co_await (*listening)->accept();
    REQUIRE(accepted);
    gone->reset();
    auto ended = co_await tls.secure(**accepted, "");
    REQUIRE(!ended);
    CHECK(ended.error().kind() == TransportErrKind::Insecure);
  };
  system.block_on(check());
}

TEST_CASE("certificates of diallers are asked for unless the listener renounces", "[tls]") {
  const Certificates certificates;
  auto system = system_with(1);
  // What a dialler without a certificate does: OpenSSL shows none that the listener's list forbids,
  // so one of an unknown authority stands for it where the listener insists.
  auto relaxed = certificates.of("local");
  relaxed.require_peer_certificate(false);
  Meeting bad(system, certificates.of("other"), relaxed);
  check_refused(bad.streams.listener_secured, "certificate verify failed");
  CHECK(Meeting(system, certificates.of("local"), relaxed).worked());
}

TEST_CASE("files that cannot be used are named when the options are checked", "[tls]") {
  const Certificates certificates;
  auto system = system_with(1);
  std::ofstream(certificates.file("garbage")) << "no certificate";
  const auto ca = certificates.file("ca.pem");
  const auto cert = certificates.file("local.pem");
  const auto key = certificates.file("local.key");
  const auto check = [&](const TlsOptions& options, const std::string& option,
                         const std::string& file) {
    INFO(option << ' ' << file);
    CHECK_THROWS_WITH(options.check(), Catch::Contains(option) && Catch::Contains(file));
    CHECK_THROWS_AS(TcpTransport(system, options), std::invalid_argument);
  };
  const auto nothing = certificates.file("nothing");
  const auto garbage = certificates.file("garbage");
  check({nothing, key, ca}, "cert_path", nothing);
  check({garbage, key, ca}, "cert_path", garbage);
  check({cert, nothing, ca}, "key_path", nothing);
  check({cert, garbage, ca}, "key_path", garbage);
  check({cert, certificates.file("node1.key"), ca}, "key_path", "node1.key");
  check({cert, certificates.file("locked.key"), ca}, "key_path", "locked.key");
  check({cert, key, nothing}, "ca_path", nothing);
  check({cert, key, garbage}, "ca_path", garbage);
  CHECK_NOTHROW(TlsOptions(cert, key, ca).check());
}

TEST_CASE("new certificates are used by new connections, and bad ones leave the old in use",
          "[tls]") {
  const Certificates certificates;
  auto system = system_with(1);
  certificates.replace("mine", "node1");
  TcpTransport listens(system, certificates.of("mine"));
  TcpTransport dials(system, certificates.of("local"));
  const auto names = [&] {
    auto streams = system.block_on(connect_streams(dials, listens));
    INFO(text(streams.dialler_secured));
    REQUIRE(streams.dialler_secured);
    return streams.dialled->peer_names();
  };
  CHECK(names().front() == "node-1");
  certificates.replace("mine", "node2");
  CHECK(names().front() == "node-2");
  std::ofstream(certificates.file("mine.key")) << "half a key";
  CHECK(names().front() == "node-2");
  certificates.replace("mine", "node1");
  CHECK(names().front() == "node-1");
}

}  // namespace coerce::test
