// What a member of the cluster may say to another one once their link is up: users' messages,
// names, control frames, and what the modules of the library ask of each other. The input is a row
// of frames; lengths that do not fit are mended, so that what lies behind the framing is tried too.
// Whatever comes, the other node goes on.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <google/protobuf/stubs/logging.h>

#include <coerce/codec/members.hpp>
#include <coerce/pubsub.hpp>
#include <coerce/singleton.hpp>

#include "demand.hpp"
#include "remote/frame.hpp"
#include "remote/node_support.hpp"

namespace link_fuzz {

struct Say {
  using Result = std::string;
  std::string text{};
};
struct Count {
  std::int64_t number = 0;
};
struct Channel {
  using Message = std::string;
  static constexpr std::string_view topic_name = "channel";
};

}  // namespace link_fuzz

template <>
struct coerce::Codec<link_fuzz::Say> : coerce::MemberCodec<link_fuzz::Say, &link_fuzz::Say::text> {
};
template <>
struct coerce::Codec<link_fuzz::Count>
    : coerce::MemberCodec<link_fuzz::Count, &link_fuzz::Count::number> {};

namespace link_fuzz {

using namespace coerce;
using namespace std::chrono_literals;
using fuzz::demand;

class Parrot : public Actor {
 public:
  static constexpr std::string_view type_name = "Parrot";

  Task<void> started(ActorContext& ctx) {
    auto subscribing = PubSub::subscribe<Parrot>(Channel(), ctx);
    auto subscribed = co_await subscribing;
    if (subscribed) subscription_ = std::move(*subscribed);
  }
  std::string handle(Say message, ActorContext&) { return message.text; }
  void handle(Count, ActorContext&) {}
  void handle(Receive<Channel>, ActorContext&) {}

 private:
  Subscription subscription_;
};

struct ParrotFactory {
  using Actor = Parrot;
  using Recipe = std::string;
  Task<Result<Parrot>> create(Recipe) const { co_return Parrot(); }
};

class Clerk : public Actor {
 public:
  static constexpr std::string_view type_name = "Clerk";
  void handle(Count, ActorContext&) {}
};

// ---- the member that says what it is told to ----------------------------------------------------

/// The words go between two frames of its own.
class Tap {
 public:
  void say(Bytes words) { words_ = std::move(words); }
  bool has_said() const noexcept { return words_.empty(); }
  /// What a stream writes, with the words behind it if a frame ends there.
  Bytes with_words(BytesView bytes, std::size_t& left_of_frame, Bytes& header) {
    Bytes all(bytes.begin(), bytes.end());
    for (BytesView rest = bytes; !rest.empty();) {
      const std::size_t wanted =
          left_of_frame > 0 ? left_of_frame : detail::kFrameHeaderSize - header.size();
      const std::size_t step = std::min(wanted, rest.size());
      if (left_of_frame > 0)
        left_of_frame -= step;
      else
        header.insert(header.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(step));
      if (header.size() == detail::kFrameHeaderSize) {
        left_of_frame = detail::read_header(header.data()).length;
        header.clear();
      }
      rest = rest.subspan(step);
    }
    if (left_of_frame == 0 && header.empty()) {
      all.insert(all.end(), words_.begin(), words_.end());
      words_.clear();
    }
    return all;
  }

 private:
  Bytes words_;
};

class TappedConnection final : public Connection {
 public:
  TappedConnection(std::unique_ptr<Connection> inner, std::shared_ptr<Tap> tap)
      : inner_(std::move(inner)), tap_(std::move(tap)) {}
  Task<TransportResult<std::size_t>> read_some(std::span<std::uint8_t> into) override {
    return inner_->read_some(into);
  }
  Task<TransportResult<void>> write(BytesView bytes) override {
    const Bytes all = tap_->with_words(bytes, left_of_frame_, header_);
    auto writing = inner_->write(all);
    auto written = co_await writing;
    co_return written;
  }
  std::uint64_t written() const noexcept override { return inner_->written(); }
  void close() noexcept override { inner_->close(); }
  std::string peer_address() const override { return inner_->peer_address(); }
  std::optional<Bytes> channel_binding() const override { return inner_->channel_binding(); }
  std::vector<std::string> peer_names() const override { return inner_->peer_names(); }
  bool is_local() const noexcept override { return inner_->is_local(); }

 private:
  std::unique_ptr<Connection> inner_;
  std::shared_ptr<Tap> tap_;
  std::size_t left_of_frame_ = 0;
  Bytes header_;
};

/// Taps the streams that its node dials.
class TappedTransport final : public Transport {
 public:
  TappedTransport(std::shared_ptr<Transport> inner, std::shared_ptr<Tap> tap)
      : inner_(std::move(inner)), tap_(std::move(tap)) {}
  Task<TransportResult<std::unique_ptr<Listener>>> listen(std::string address) override {
    return inner_->listen(std::move(address));
  }
  Task<TransportResult<std::unique_ptr<Connection>>> connect(std::string address) override {
    auto connecting = inner_->connect(std::move(address));
    auto connection = co_await connecting;
    if (!connection) co_return coerce::unexpected(std::move(connection).error());
    std::unique_ptr<Connection> tapped =
        std::make_unique<TappedConnection>(std::move(*connection), tap_);
    co_return tapped;
  }
  Task<TransportResult<void>> secure(Connection&, std::string) override {
    co_return TransportResult<void>();
  }
  Task<TransportResult<std::vector<std::string>>> resolve(std::string address) override {
    return inner_->resolve(std::move(address));
  }
  void random_bytes(std::span<std::uint8_t> into) override { inner_->random_bytes(into); }
  bool is_confidential() const noexcept override { return inner_->is_confidential(); }

 private:
  std::shared_ptr<Transport> inner_;
  std::shared_ptr<Tap> tap_;
};

// ---- the cluster --------------------------------------------------------------------------------

void register_handlers(RemoteHandlers& handlers) {
  handlers.with_handler<Parrot, Say>("Parrot.Say")
      .with_handler<Parrot, Count>("Parrot.Count")
      .with_actor(ParrotFactory());
  handlers.with_handler<Clerk, Count>("Clerk.Count");
}

/// Node 1, and node 2, which has joined it.
class Cluster {
 public:
  explicit Cluster(std::shared_ptr<Tap> tap)
      : tap_(std::move(tap)),
        first_(test::build_node(sim_.node(1),
                                [](auto& builder) { builder.with_handlers(&register_handlers); })),
        second_(test::build_node(sim_.node(2), [&](auto& builder) {
          builder.with_handlers(&register_handlers)
              .transport(std::make_shared<TappedTransport>(sim_.node(2).transport(), tap_));
        })) {
    test::start(sim_.node(1), first_, {});
    test::start(sim_.node(2), second_, {test::address_of(sim_.node(1))});
    parrot_.emplace(sim_.node(1).start<Parrot>("parrot"));
    auto builder = Singleton<Clerk>::builder(first_);
    builder.factory([] { return Clerk(); });
    auto building = builder.build();
    auto built = sim_.node(1).run(std::move(building));
    demand(built.has_value(), "no singleton");
    clerk_.emplace(std::move(*built));
  }

  /// Node 2 says the words; for some seconds both go on as they think right.
  void hear(Bytes words) {
    tap_->say(std::move(words));
    demand(sim_.run_until([&] { return tap_->has_said(); }, 30s), "the words were never said");
    sim_.run_for(2s);
    const Say question{"hello"};
    auto asking = parrot_->send(question);
    const auto answer = sim_.node(1).run(std::move(asking));
    demand(answer && *answer == "hello", "an actor does not answer any more");
    demand(!first_.get_nodes().empty(), "the node does not know itself any more");
  }

 private:
  std::shared_ptr<Tap> tap_;
  testkit::Simulation sim_{{.seed = 1, .nodes = 2}};
  RemoteActorSystem first_;
  RemoteActorSystem second_;
  std::optional<LocalActorRef<Parrot>> parrot_;
  std::optional<Singleton<Clerk>> clerk_;
};

Bytes frames_of(BytesView input) {
  Bytes frames;
  while (input.size() >= detail::kFrameHeaderSize) {
    detail::FrameHeader header = detail::read_header(input.data());
    input = input.subspan(detail::kFrameHeaderSize);
    header.length = static_cast<std::uint32_t>(
        std::min<std::size_t>({header.length, input.size(), detail::kMaxChunk}));
    frames.resize(frames.size() + detail::kFrameHeaderSize);
    detail::write_header(header, frames.data() + frames.size() - detail::kFrameHeaderSize);
    frames.insert(frames.end(), input.begin(), input.begin() + header.length);
    input = input.subspan(header.length);
  }
  return frames;
}

}  // namespace link_fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Protobuf prints a line for each text that is not UTF-8.
  static const auto silenced = google::protobuf::SetLogHandler(nullptr);
  (void)silenced;
  coerce::Bytes frames = link_fuzz::frames_of(coerce::BytesView(data, size));
  if (frames.empty()) return 0;
  link_fuzz::Cluster cluster(std::make_shared<link_fuzz::Tap>());
  cluster.hear(std::move(frames));
  return 0;
}
