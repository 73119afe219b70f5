// The first words of a stranger. The first byte chooses what they are taken for.

#include <algorithm>
#include <cstdint>
#include <memory>

#include <coerce/actor/system.hpp>

#include "demand.hpp"
#include "remote/handshake.hpp"
#include "remote/hello.hpp"

namespace {

using namespace coerce;
using namespace coerce::detail;
using fuzz::demand;
using Role = HelloFacts::Role;

Hello own_hello(Role role) {
  Hello hello;
  hello.cluster = "coerce";
  hello.node.id = 1;
  hello.node.incarnation = {1, 1};
  hello.max_frame = kDefaultMaxFrame;
  hello.nonce = Bytes(kNonceSize, 1);
  hello.role = role;
  return hello;
}

bool is_sound(const NodeDescription& node) {
  return node.id > 0 && node.id <= kMaxNodeId && node.incarnation != Incarnation{} &&
         node.address.size() <= 255 && node.tag.size() <= 255;
}

void try_hello(BytesView bytes) {
  const auto hello = decode_hello(bytes);
  if (!hello) return;
  const auto again = encode_hello(*hello);
  if (again) demand(decode_hello(*again).has_value(), "a hello that was written cannot be read");
  for (const Role role : {Role::Dial, Role::Listen})
    if (check_hello(own_hello(role), *hello, std::nullopt))
      demand(is_sound(hello->node) && hello->role != role, "a hello was taken that is none");
}

void try_refusal(BytesView bytes) {
  (void)decode_accept(bytes);
  const ActorRefErr error = decode_refusal(bytes);
  demand(std::ranges::all_of(error.detail(), [](char c) { return c >= ' ' && c <= '~'; }),
         "words of a stranger that are not fit to print");
}

/// Says the bytes, a few at a time, and then that nothing more comes.
class Words final : public Connection {
 public:
  explicit Words(BytesView bytes) : bytes_(bytes) {}
  Task<TransportResult<std::size_t>> read_some(std::span<std::uint8_t> into) override {
    const std::size_t count = std::min({into.size(), bytes_.size(), kPiece});
    demand(!into.empty(), "there is no room to read into");
    std::copy_n(bytes_.begin(), count, into.begin());
    bytes_ = bytes_.subspan(count);
    co_return count;
  }
  Task<TransportResult<void>> write(BytesView bytes) override {
    written_ += bytes.size();
    co_return TransportResult<void>();
  }
  std::uint64_t written() const noexcept override { return written_; }
  void close() noexcept override {}
  std::string peer_address() const override { return "stranger:1"; }
  std::optional<Bytes> channel_binding() const override { return std::nullopt; }
  std::vector<std::string> peer_names() const override { return {"node-7"}; }
  bool is_local() const noexcept override { return true; }

 private:
  static constexpr std::size_t kPiece = 700;
  BytesView bytes_;
  std::uint64_t written_ = 0;
};

/// Without streams; its numbers can be guessed.
class Nowhere final : public Transport {
 private:
  static auto none() {
    return coerce::unexpected(TransportErr(TransportErrKind::Refused, "nowhere"));
  }

 public:
  Task<TransportResult<std::unique_ptr<Listener>>> listen(std::string) override {
    co_return none();
  }
  Task<TransportResult<std::unique_ptr<Connection>>> connect(std::string) override {
    co_return none();
  }
  Task<TransportResult<void>> secure(Connection&, std::string) override {
    co_return TransportResult<void>();
  }
  Task<TransportResult<std::vector<std::string>>> resolve(std::string) override {
    co_return none();
  }
  void random_bytes(std::span<std::uint8_t> into) override {
    std::ranges::fill(into, std::uint8_t{1});
  }
  bool is_confidential() const noexcept override { return true; }
};

class Word final : public Authenticator {
 public:
  std::string name() const override { return "word"; }
  Result<Bytes> prove(const HelloFacts&) override { return bytes_of("word"); }
  Result<void> verify(const HelloFacts& facts, BytesView proof) override {
    demand(facts.transcript.size() == 32 && facts.prover_id != facts.verifier_id &&
               facts.prover_nonce != facts.verifier_nonce,
           "a proof was asked for too early");
    if (text_of(proof) == "word") return {};
    return coerce::unexpected(ActorRefErr::Unauthorised("another word"));
  }
};

void try_to_shake_hands(BytesView bytes, Role role, bool with_word) {
  static ActorSystem& system = *new ActorSystem(ActorSystem::builder().worker_threads(0).build());
  static Nowhere transport;
  Words connection(bytes);
  HelloSettings settings;
  settings.self = own_hello(role).node;
  settings.cluster = "coerce";
  settings.now = [] { return WallTime(); };
  if (with_word) settings.authenticator = std::make_shared<Word>();
  const auto terms =
      system.block_on(shake_hands(connection, transport, std::move(settings), role, std::nullopt));
  if (!terms) return;
  demand(is_sound(terms->peer) && terms->peer.id != 1 && terms->generation > 0 &&
             terms->max_frame >= kSmallestMaxFrame && terms->max_frame <= kDefaultMaxFrame,
         "a link was agreed on that is none");
  demand(terms->peer.id == 7, "a node was taken that its certificate does not name");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const BytesView bytes(data + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      try_hello(bytes);
      break;
    case 1:
      try_refusal(bytes);
      break;
    default:
      try_to_shake_hands(bytes, data[0] % 2 == 0 ? Role::Dial : Role::Listen, data[0] % 6 > 3);
  }
  return 0;
}
