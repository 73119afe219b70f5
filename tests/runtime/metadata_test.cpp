#include <coerce/runtime/detail/envelope.hpp>

#include <coerce/actor/detail/cell.hpp>

#include <catch2/catch.hpp>
#include <cstdint>

namespace coerce::test::metadata_cases {
namespace {

using detail::Completion;
using detail::Envelope;
using detail::EnvelopeMetadata;
using detail::NotifyEnvelope;

struct Eight {
  std::uint64_t value;
};
struct Empty {};
struct Sixteen {
  std::uint64_t values[2];
};

// What a message in flight costs: these numbers are promises of the benchmarks.
static_assert(sizeof(Envelope) == 24);
static_assert(alignof(Envelope) == 8);
static_assert(sizeof(NotifyEnvelope<Eight>) == 32);
static_assert(sizeof(NotifyEnvelope<Empty>) == 32);
static_assert(sizeof(NotifyEnvelope<Sixteen>) == 40);
static_assert(detail::pool_class(sizeof(NotifyEnvelope<Eight>)) == 2);

TEST_CASE("an envelope has no metadata until somebody asks for it", "[metadata]") {
  const Envelope envelope(nullptr, Completion::Static);
  CHECK(envelope.metadata() == nullptr);
}

TEST_CASE("metadata begins empty, is made once and keeps what is written", "[metadata]") {
  Envelope envelope(nullptr, Completion::Static);
  EnvelopeMetadata& metadata = envelope.ensure_metadata();
  CHECK(metadata.epoch == 0);
  CHECK(metadata.deadline == TimePoint{});
  CHECK(metadata.enqueued == TimePoint{});
  for (const std::uint64_t word : metadata.trace_context) CHECK(word == 0);

  metadata.epoch = 77;
  CHECK(envelope.metadata() == &metadata);
  CHECK(&envelope.ensure_metadata() == &metadata);
  CHECK(envelope.metadata()->epoch == 77);
  envelope.drop_metadata();
}

TEST_CASE("dropped metadata is gone, and dropping twice does no harm", "[metadata]") {
  Envelope envelope(nullptr, Completion::Static);
  envelope.drop_metadata();
  envelope.ensure_metadata().epoch = 5;
  envelope.drop_metadata();
  CHECK(envelope.metadata() == nullptr);
  envelope.drop_metadata();
  CHECK(envelope.ensure_metadata().epoch == 0);
  envelope.drop_metadata();
}

TEST_CASE("metadata leaves the rest of its envelope alone", "[metadata]") {
  const auto op = [](Envelope&, detail::Unit&, detail::Op, void*) { return true; };
  Envelope envelope(op, Completion::Custom, 249);
  (void)envelope.ensure_metadata();
  CHECK(envelope.completion == Completion::Custom);
  CHECK(envelope.size_class == 249);
  CHECK(envelope.op == static_cast<detail::EnvelopeOp>(op));
  envelope.drop_metadata();
  CHECK(envelope.completion == Completion::Custom);
  CHECK(envelope.size_class == 249);
}

TEST_CASE("an envelope that goes back to the pool takes its metadata along", "[metadata]") {
  detail::ThreadState& thread = detail::thread_state();
  const auto round = [&thread] {
    void* memory = detail::pool_allocate(thread, sizeof(Envelope));
    auto* envelope =
        new (memory) Envelope(nullptr, Completion::Pooled,
                              static_cast<std::uint8_t>(detail::pool_class(sizeof(Envelope))));
    envelope->ensure_metadata().epoch = 1;
    detail::free_envelope(thread, *envelope);
  };
  round();
  const std::size_t before = detail::pool_heap_blocks();
  for (int i = 0; i < 1000; ++i) round();
  CHECK(detail::pool_heap_blocks() == before);
}

}  // namespace
}  // namespace coerce::test::metadata_cases
