#include "remote/handshake.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "remote/hello.hpp"

namespace coerce::detail {

namespace {

using Role = HelloFacts::Role;

/// Why a hello has ended.
struct Ending {
  Ending(ActorRefErr why, bool peer_knows) noexcept : error(std::move(why)), told(peer_knows) {}
  ActorRefErr error;
  bool told;  ///< the peer knows, or cannot be told
};
template <class T>
using Stepped = Result<T, Ending>;

auto refuse(ActorRefErr error) { return coerce::unexpected(Ending(std::move(error), false)); }
auto end(ActorRefErr error) { return coerce::unexpected(Ending(std::move(error), true)); }
Stepped<void> refused_if(Result<void> checked) {
  if (!checked) return refuse(std::move(checked).error());
  return {};
}

ActorRefErr with_text(const ActorRefErr& error, ActorRefErrKind kind, std::string_view text) {
  return ErrorAccess::restore(kind, error.outcome(), error.actor_id(), error.message_type(),
                              error.actor_type(), text, error.time_taken());
}

void append_frame(Bytes& out, FrameKind kind, BytesView payload) {
  const FrameHeader header{.length = static_cast<std::uint32_t>(payload.size()), .kind = kind};
  const std::size_t at = out.size();
  out.resize(at + kFrameHeaderSize);
  write_header(header, out.data() + at);
  out.insert(out.end(), payload.begin(), payload.end());
}

/// With their headers, so that each says where it ends.
Bytes transcript_of(BytesView dialler, BytesView listener) {
  Bytes frames;
  append_frame(frames, FrameKind::Hello, dialler);
  append_frame(frames, FrameKind::Hello, listener);
  Bytes digest(32);
  EVP_Digest(frames.data(), frames.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return digest;
}

/// The same facts for the proof of the other side.
HelloFacts turned(HelloFacts facts) {
  facts.prover = facts.prover == Role::Dial ? Role::Listen : Role::Dial;
  std::swap(facts.prover_id, facts.verifier_id);
  std::swap(facts.prover_incarnation, facts.verifier_incarnation);
  std::swap(facts.prover_nonce, facts.verifier_nonce);
  return facts;
}

Result<Bytes> make_proof(Authenticator& authenticator, const HelloFacts& facts) {
  auto proof = authenticator.prove(facts);
  if (proof && proof->size() > kMaxProof)
    return coerce::unexpected(
        ActorRefErr::Unauthorised(fmt::format("a proof of {} bytes is too long", proof->size())));
  return proof;
}

Result<void> check_proof(Authenticator& authenticator, const HelloFacts& facts, BytesView proof) {
  if (proof.size() > kMaxProof)
    return coerce::unexpected(ActorRefErr::Unauthorised("the proof is too long"));
  return authenticator.verify(facts, proof);
}

/// A hello of a dialler, while it is under way.
class OwnHello {
 public:
  OwnHello(std::shared_ptr<OwnHellos> all, Role role, const Bytes& nonce)
      : all_(role == Role::Dial ? std::move(all) : nullptr), nonce_(nonce) {
    if (all_ != nullptr) all_->begin(nonce_);
  }
  OwnHello(const OwnHello&) = delete;
  OwnHello& operator=(const OwnHello&) = delete;
  ~OwnHello() { (void)end(); }

  /// Gives whether this node has heard it.
  bool end() {
    const auto all = std::exchange(all_, nullptr);
    return all != nullptr && all->end(nonce_);
  }

 private:
  std::shared_ptr<OwnHellos> all_;
  const Bytes& nonce_;
};

class Shaking {
 public:
  Shaking(Connection& connection, Transport& transport, HelloSettings settings, Role role,
          std::optional<NodeId> expected)
      : connection_(connection), settings_(std::move(settings)), expected_(expected) {
    hello_.cluster = settings_.cluster;
    hello_.node = settings_.self;
    hello_.max_frame = settings_.max_frame;
    hello_.nonce.resize(kNonceSize);
    transport.random_bytes(hello_.nonce);
    if (settings_.authenticator) hello_.authenticator = settings_.authenticator->name();
    hello_.role = role;
    hello_.host = transport.host_identity();
  }

  Task<Result<LinkTerms>> run() {
    auto encoded = encode_hello(hello_);
    if (!encoded) co_return coerce::unexpected(std::move(encoded).error());
    hello_bytes_ = std::move(*encoded);
    OwnHello own(settings_.own_hellos, hello_.role, hello_.nonce);
    auto shaken = hello_.role == Role::Dial ? dial() : listen();
    auto done = co_await shaken;
    const bool is_ourselves = own.end();
    if (done) co_return std::move(terms_);
    if (!done.error().told) {
      auto telling = refuse_peer(done.error().error);
      co_await telling;
    }
    co_return coerce::unexpected(about_peer(doubted(done.error().error, is_ourselves)));
  }

 private:
  /// Whoever says that it is this node is not believed.
  ActorRefErr doubted(const ActorRefErr& error, bool is_ourselves) const {
    if (is_ourselves) return with_text(error, ActorRefErrKind::AlreadyExists, "it is this node");
    if (hello_.role == Role::Listen || error.kind() != ActorRefErrKind::AlreadyExists) return error;
    return with_text(error, ActorRefErrKind::Unauthorised, error.detail());
  }

  Task<Stepped<void>> dial() {
    append_frame(out_, FrameKind::Hello, hello_bytes_);
    auto sent = co_await flush();
    if (!sent) co_return sent;
    auto known = co_await meet();
    if (!known) co_return known;
    if (settings_.authenticator) {
      auto proven = co_await believe();
      if (!proven) co_return proven;
    }
    auto welcome = admit();
    auto proof = append_proof();
    if (!proof) co_return proof;
    if (!welcome) {
      sent = co_await flush();
      co_return sent ? welcome : sent;
    }
    append_frame(out_, FrameKind::Accept, encode_accept(0));
    sent = co_await flush();
    if (!sent) co_return sent;
    peer_decides_ = true;
    auto accept = co_await next(FrameKind::Accept);
    if (!accept) co_return coerce::unexpected(std::move(accept).error());
    const auto generation = decode_accept(*accept);
    if (!generation || *generation == 0)
      co_return end(ActorRefErr::Deserialisation("its acceptance names no generation"));
    terms_.generation = *generation;
    terms_.early.assign(in_.begin() + static_cast<std::ptrdiff_t>(begin_),
                        in_.begin() + static_cast<std::ptrdiff_t>(end_));
    co_return Stepped<void>();
  }

  Task<Stepped<void>> listen() {
    auto known = co_await meet();
    if (!known) co_return known;
    append_frame(out_, FrameKind::Hello, hello_bytes_);
    auto proof = append_proof();
    if (!proof) co_return proof;
    auto sent = co_await flush();
    if (!sent) co_return sent;
    if (settings_.authenticator) {
      auto proven = co_await believe();
      if (!proven) co_return proven;
    }
    peer_decides_ = true;
    auto accept = co_await next(FrameKind::Accept);
    if (!accept) co_return coerce::unexpected(std::move(accept).error());
    if (!decode_accept(*accept))
      co_return refuse(ActorRefErr::Deserialisation("that is no acceptance"));
    if (begin_ != end_)
      co_return refuse(ActorRefErr::Deserialisation("it did not wait to be accepted"));
    auto welcome = admit();
    if (!welcome) co_return welcome;
    terms_.generation = settings_.next_generation ? settings_.next_generation(terms_.peer) : 1;
    append_frame(out_, FrameKind::Accept, encode_accept(terms_.generation));
    co_return co_await flush();
  }

  /// Reads the peer's hello.
  Task<Stepped<void>> meet() {
    auto bytes = co_await next(FrameKind::Hello);
    if (!bytes) co_return coerce::unexpected(std::move(bytes).error());
    auto peer = decode_hello(*bytes);
    if (!peer) co_return refuse(std::move(peer).error());
    terms_.peer = peer->node;
    auto fits = check_hello(hello_, *peer, expected_);
    if (fits) fits = check_names(connection_.peer_names(), peer->node.id);
    if (!fits) co_return refuse(named(std::move(fits).error(), peer->nonce));
    if (settings_.met) settings_.met();

    const bool dials = hello_.role == Role::Dial;
    terms_.max_frame = std::min(hello_.max_frame, peer->max_frame);
    terms_.role = hello_.role;
    terms_.is_on_one_host = !hello_.host.empty() && peer->host == hello_.host;
    HelloFacts& facts = terms_.facts;
    facts.prover = hello_.role;
    facts.cluster = hello_.cluster;
    facts.prover_id = hello_.node.id;
    facts.verifier_id = peer->node.id;
    facts.prover_incarnation = hello_.node.incarnation;
    facts.verifier_incarnation = peer->node.incarnation;
    facts.prover_nonce = hello_.nonce;
    facts.verifier_nonce = std::move(peer->nonce);
    facts.transcript =
        dials ? transcript_of(hello_bytes_, *bytes) : transcript_of(*bytes, hello_bytes_);
    facts.channel_binding = connection_.channel_binding();
    co_return Stepped<void>();
  }

  /// A listener that hears a hello of its own node knows the nonce.
  ActorRefErr named(ActorRefErr error, const Bytes& nonce) {
    if (error.kind() != ActorRefErrKind::AlreadyExists) return error;
    const bool is_own = hello_.role == Role::Listen && settings_.own_hellos != nullptr &&
                        settings_.own_hellos->hear(nonce);
    if (is_own) return error;
    return ActorRefErr::Unauthorised("it says that it is this node itself");
  }

  Task<Stepped<void>> believe() {
    auto proof = co_await next(FrameKind::Proof);
    if (!proof) co_return coerce::unexpected(std::move(proof).error());
    HelloFacts facts = turned(terms_.facts);
    facts.now = settings_.now();
    co_return refused_if(check_proof(*settings_.authenticator, facts, *proof));
  }

  Stepped<void> append_proof() {
    if (!settings_.authenticator) return {};
    terms_.facts.now = settings_.now();
    auto proof = make_proof(*settings_.authenticator, terms_.facts);
    if (!proof) return refuse(std::move(proof).error());
    append_frame(out_, FrameKind::Proof, *proof);
    return {};
  }

  Stepped<void> admit() {
    if (!settings_.admit) return {};
    return refused_if(settings_.admit(terms_.peer));
  }

  /// The payload of the next frame, which has to be of this kind.
  Task<Stepped<Bytes>> next(FrameKind kind) {
    for (;;) {
      if (end_ - begin_ >= kFrameHeaderSize) {
        const FrameHeader header = read_header(in_.data() + begin_);
        if (header.length > kMaxHelloFrame || header.flags != 0 ||
            (header.kind != kind && header.kind != FrameKind::Refuse))
          co_return refuse(ActorRefErr::Deserialisation("what it says is no part of a hello"));
        if (end_ - begin_ - kFrameHeaderSize >= header.length) co_return take(header);
      }
      auto got = co_await read_more();
      if (!got) co_return coerce::unexpected(std::move(got).error());
    }
  }

  Stepped<Bytes> take(const FrameHeader& header) {
    const auto payload = BytesView(in_).subspan(begin_ + kFrameHeaderSize, header.length);
    begin_ += kFrameHeaderSize + header.length;
    if (header.kind != FrameKind::Refuse) return Bytes(payload.begin(), payload.end());
    auto refusal = decode_refusal(payload);
    // Only a node that has proven itself may tell this one to come back as another, or that there
    // is a link already.
    const bool needs_proof = refusal.kind() == ActorRefErrKind::Fenced ||
                             refusal.kind() == ActorRefErrKind::AlreadyExists;
    if (needs_proof && !peer_decides_)
      refusal = with_text(refusal, ActorRefErrKind::Unauthorised, refusal.detail());
    if (refusal.kind() == ActorRefErrKind::Fenced && settings_.fenced)
      settings_.fenced(terms_.peer);
    return end(std::move(refusal));
  }

  Task<Stepped<void>> read_more() {
    if (begin_ > 0) {
      std::copy(in_.begin() + static_cast<std::ptrdiff_t>(begin_),
                in_.begin() + static_cast<std::ptrdiff_t>(end_), in_.begin());
      end_ -= std::exchange(begin_, 0);
    }
    const auto room = std::span(in_).subspan(end_);
    auto got = co_await connection_.read_some(room);
    if (!got) co_return end(ActorRefErr::Unreachable(got.error().to_string()));
    if (*got == 0)
      co_return end(ActorRefErr::Unreachable("it ended the connection during the hello"));
    end_ += std::min(*got, room.size());
    co_return Stepped<void>();
  }

  Task<Stepped<void>> flush() {
    const Bytes bytes = std::exchange(out_, {});
    auto sent = co_await connection_.write(bytes);
    if (!sent) co_return end(ActorRefErr::Unreachable(sent.error().to_string()));
    co_return Stepped<void>();
  }

  /// The peer learns the kind; and words only where they are about what it has said itself.
  Task<void> refuse_peer(ActorRefErr error) {
    const auto kind = error.kind();
    const bool tell = kind == ActorRefErrKind::NotSupported || kind == ActorRefErrKind::Fenced;
    out_.clear();
    append_frame(out_, FrameKind::Refuse,
                 encode_refusal(kind, tell ? error.detail() : to_string(kind)));
    auto sent = co_await flush();
    (void)sent;  // the connection ends in any case
  }

  ActorRefErr about_peer(const ActorRefErr& error) const {
    const std::string who =
        terms_.peer.id == 0
            ? connection_.peer_address()
            : fmt::format("{} (node {})", connection_.peer_address(), terms_.peer.id);
    return with_text(error, error.kind(), fmt::format("{}: {}", who, error.detail()));
  }

  Connection& connection_;
  HelloSettings settings_;
  const std::optional<NodeId> expected_;
  Hello hello_;
  Bytes hello_bytes_;
  Bytes out_;
  Bytes in_ = Bytes(kFrameHeaderSize + kMaxHelloFrame);
  std::size_t begin_ = 0, end_ = 0;
  bool peer_decides_ = false;  ///< it has proven itself, and has all of ours
  LinkTerms terms_;
};

}  // namespace

void OwnHellos::begin(const Bytes& nonce) {
  const std::lock_guard guard(mutex_);
  under_way_.emplace(nonce, false);
}

bool OwnHellos::end(const Bytes& nonce) {
  const std::lock_guard guard(mutex_);
  const auto place = under_way_.find(nonce);
  if (place == under_way_.end()) return false;
  const bool was_heard = place->second;
  under_way_.erase(place);
  return was_heard;
}

bool OwnHellos::hear(const Bytes& nonce) {
  const std::lock_guard guard(mutex_);
  const auto place = under_way_.find(nonce);
  if (place != under_way_.end()) place->second = true;
  return place != under_way_.end();
}

Task<Result<LinkTerms>> shake_hands(Connection& connection, Transport& transport,
                                    HelloSettings settings, HelloFacts::Role role,
                                    std::optional<NodeId> expected) {
  Shaking shaking(connection, transport, std::move(settings), role, expected);
  auto running = shaking.run();
  co_return co_await running;
}

Result<Bytes> prove_again(Authenticator& authenticator, const LinkTerms& terms, BytesView nonce,
                          WallTime now) {
  HelloFacts facts = terms.facts;
  facts.verifier_nonce.assign(nonce.begin(), nonce.end());
  facts.now = now;
  return make_proof(authenticator, facts);
}

Result<void> verify_again(Authenticator& authenticator, const LinkTerms& terms, BytesView nonce,
                          BytesView proof, WallTime now) {
  HelloFacts facts = turned(terms.facts);
  facts.verifier_nonce.assign(nonce.begin(), nonce.end());
  facts.now = now;
  return check_proof(authenticator, facts, proof);
}

}  // namespace coerce::detail
