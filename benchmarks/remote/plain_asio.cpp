// The same frames moved by hand on Asio: what remoting costs without actors.
//
// One thread a side. A frame is a header of 20 bytes and its payload; the receiver resolves the
// target by its number and copies the payload. Frames gather in a buffer while the one before is
// being written; a sender that nobody answers stops when 1 MiB waits.

#include "contender.hpp"
#include "meter.hpp"

#include <cstring>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/ssl.hpp>
#include <asio/write.hpp>

namespace remote_bench {
namespace {

using tcp = asio::ip::tcp;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<tcp, Executor>;
using TlsStream = asio::ssl::stream<Socket>;

enum class Frame : std::uint8_t { Notify, Request, Reply };

struct Header {
  std::uint32_t length;
  Frame kind;
  std::uint8_t flags;
  std::uint16_t type;
  std::uint32_t target;
  std::uint32_t request_low, request_high;
};
static_assert(sizeof(Header) == 20);

constexpr std::size_t kHighWater = 1u << 20;
constexpr std::size_t kMaxFrame = 4u << 20;
constexpr std::size_t kReadBuffer = 256 * 1024;
constexpr int kBurst = 256;  ///< messages that are made before what is there is written

/// One end of a connection. `Owner` has on_frame(header, payload) and on_room().
template <class Stream, class Owner>
class Link {
 public:
  Link(Stream stream, Owner& owner)
      : stream_(std::move(stream)), owner_(owner), input_(kReadBuffer) {}

  Stream& stream() { return stream_; }
  void start() { read(); }

  bool has_room() const { return gathered_.size() < kHighWater; }

  void append(const Header& header, const std::uint8_t* payload) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&header);
    gathered_.insert(gathered_.end(), bytes, bytes + sizeof header);
    gathered_.insert(gathered_.end(), payload, payload + header.length);
  }

  void flush() {
    if (writing_ || gathered_.empty()) return;
    writing_ = true;
    std::swap(gathered_, written_);
    asio::async_write(stream_, asio::buffer(written_),
                      [this](const std::error_code& error, std::size_t) {
                        if (error) return owner_.on_end();
                        writing_ = false;
                        written_.clear();
                        owner_.on_room();
                        flush();
                      });
  }

 private:
  void read() {
    stream_.async_read_some(asio::buffer(input_.data() + filled_, input_.size() - filled_),
                            [this](const std::error_code& error, std::size_t got) {
                              if (error || !take(got)) return owner_.on_end();
                              flush();  // what was answered leaves as one
                              read();
                            });
  }

  /// False if that cannot be a frame.
  bool take(std::size_t got) {
    filled_ += got;
    std::size_t at = 0;
    while (filled_ - at >= sizeof(Header)) {
      Header header;
      std::memcpy(&header, input_.data() + at, sizeof header);
      if (header.length > kMaxFrame || header.target >= kTargets) return false;
      const std::size_t whole = sizeof header + header.length;
      if (whole > input_.size()) input_.resize(whole);
      if (filled_ - at < whole) break;
      owner_.on_frame(header, input_.data() + at + sizeof header);
      at += whole;
    }
    std::memmove(input_.data(), input_.data() + at, filled_ - at);
    filled_ -= at;
    return true;
  }

  Stream stream_;
  Owner& owner_;
  std::vector<std::uint8_t> input_;
  std::size_t filled_ = 0;
  std::vector<std::uint8_t> gathered_;
  std::vector<std::uint8_t> written_;
  bool writing_ = false;
};

/// Stands for an actor: something with a place for what it was sent.
struct Target {
  std::vector<std::uint8_t> last;
  std::uint64_t received = 0;
};

template <class Stream>
class Answering {
 public:
  explicit Answering(Stream stream) : targets_(kTargets), link_(std::move(stream), *this) {
    link_.start();
  }

  void on_frame(const Header& header, const std::uint8_t* payload) {
    Target& target = *resolve(header.target);
    target.last.assign(payload, payload + header.length);
    ++target.received;
    if (header.kind != Frame::Request) return;
    Header reply = header;
    reply.kind = Frame::Reply;
    link_.append(reply, target.last.data());
  }
  void on_room() {}
  void on_end() {}

 private:
  Target* resolve(std::uint32_t number) {
    auto& target = targets_[number];
    if (!target) target = std::make_unique<Target>();
    return target.get();
  }

  std::vector<std::unique_ptr<Target>> targets_;
  Link<Stream, Answering> link_;
};

template <class Stream>
class Driving {
 public:
  Driving(Stream stream, const Setting& setting, Server server)
      : setting_(setting),
        payload_(setting.job.payload, 0x5a),
        latencies_(setting.job.in_flight == 1 ? setting.count : 0),
        link_(std::move(stream), *this),
        meter_(server.pid) {}

  Outcome run(asio::io_context& context) {
    asio::post(context, [this] {
      link_.start();
      if (setting_.job.kind == Kind::OneWay) return produce();
      for (std::size_t i = 0; i < setting_.job.in_flight; ++i) ask();
      link_.flush();
    });
    while (!done_ && !failed_) context.run_one();
    if (failed_) throw std::runtime_error("plain Asio: the connection broke");
    latencies_.write_to(outcome_);
    return outcome_;
  }

  void on_frame(const Header&, const std::uint8_t* payload) {
    std::memcpy(payload_.data(), payload, payload_.size());
    if (setting_.job.kind == Kind::OneWay) return finish();
    if (setting_.job.in_flight == 1) latencies_.end();
    if (++answered_ == setting_.count) return finish();
    if (sent_ < setting_.count) ask();
  }
  void on_room() {
    if (waiting_for_room_) produce();
  }
  void on_end() { failed_ = !done_; }

 private:
  void ask() {
    if (setting_.job.in_flight == 1) latencies_.begin();
    send(Frame::Request);
    ++sent_;
  }

  void produce() {
    waiting_for_room_ = false;
    for (int i = 0; i < kBurst && sent_ < setting_.count && link_.has_room(); ++i, ++sent_)
      send(Frame::Notify);
    if (sent_ == setting_.count) {
      send(Frame::Request);  // its answer says that all have arrived
      return link_.flush();
    }
    waiting_for_room_ = !link_.has_room();
    if (!waiting_for_room_) asio::post(link_.stream().get_executor(), [this] { produce(); });
    link_.flush();
  }

  void send(Frame kind) {
    link_.append({.length = static_cast<std::uint32_t>(payload_.size()),
                  .kind = kind,
                  .flags = 0,
                  .type = 1,
                  .target = static_cast<std::uint32_t>(targets_.next()),
                  .request_low = static_cast<std::uint32_t>(sent_),
                  .request_high = static_cast<std::uint32_t>(sent_ >> 32)},
                 payload_.data());
  }

  void finish() {
    outcome_ = meter_.stop(setting_.count);
    done_ = true;
  }

  const Setting& setting_;
  std::vector<std::uint8_t> payload_;
  Targets targets_;
  std::uint64_t sent_ = 0;
  std::uint64_t answered_ = 0;
  bool waiting_for_room_ = false;
  bool done_ = false;
  bool failed_ = false;
  Latencies latencies_;
  Outcome outcome_;
  Link<Stream, Driving> link_;
  Meter meter_;
};

asio::ssl::context tls_context(const TlsFiles& files) {
  asio::ssl::context context(asio::ssl::context::tlsv13);
  context.use_certificate_chain_file(files.certificate);
  context.use_private_key_file(files.key, asio::ssl::context::pem);
  context.load_verify_file(files.authority);
  context.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
  return context;
}

void serve(const Setting& setting, const std::function<void(std::uint16_t)>& ready) {
  asio::io_context context(1);
  asio::basic_socket_acceptor<tcp, Executor> acceptor(
      context.get_executor(), tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  ready(acceptor.local_endpoint().port());
  Socket socket = acceptor.accept();
  socket.set_option(tcp::no_delay(true));
  if (!setting.tls.wanted()) {
    Answering<Socket> answering(std::move(socket));
    context.run();
    return;
  }
  asio::ssl::context tls = tls_context(setting.tls);
  TlsStream stream(std::move(socket), tls);
  stream.handshake(TlsStream::server);
  Answering<TlsStream> answering(std::move(stream));
  context.run();
}

Outcome drive(const Setting& setting, Server server) {
  asio::io_context context(1);
  Socket socket(context.get_executor());
  socket.connect(tcp::endpoint(asio::ip::address_v4::loopback(), server.port));
  socket.set_option(tcp::no_delay(true));
  if (!setting.tls.wanted())
    return Driving<Socket>(std::move(socket), setting, server).run(context);
  asio::ssl::context tls = tls_context(setting.tls);
  TlsStream stream(std::move(socket), tls);
  stream.handshake(TlsStream::client);
  return Driving<TlsStream>(std::move(stream), setting, server).run(context);
}

}  // namespace

Contender plain_asio() {
  return {.name = "plain Asio", .slower = 1, .serve = &serve, .drive = &drive};
}

}  // namespace remote_bench
