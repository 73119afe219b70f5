#include "remote/link.hpp"

#include <mutex>

#include <coerce/runtime/sleep.hpp>

namespace coerce::detail {

void Link::end(std::string_view why, Fault fault) noexcept {
  {
    const std::lock_guard guard(lock_);
    if (ended_.load(std::memory_order_relaxed)) return;
    why_ = why;
    hostile_.store(fault == Fault::Hostile, std::memory_order_release);
    ended_.store(true, std::memory_order_release);
  }
  connection->close();
}

std::string Link::why() const {
  const std::lock_guard guard(lock_);
  return why_;
}

void Link::begin(std::uint32_t its_number, TimePoint now) noexcept {
  began = now;
  number.store(its_number, std::memory_order_release);
}

void Link::add_counts(NetworkCounters& sum) const noexcept {
  const Receipt got = received.get();
  const Receipt told = confirmed();
  sum.bytes_sent += bytes_written.load(std::memory_order_relaxed);
  sum.bytes_received += bytes_read.load(std::memory_order_relaxed);
  sum.frames_sent += frames_written.load(std::memory_order_relaxed);
  sum.frames_received += frames_read.load(std::memory_order_relaxed);
  sum.messages_received += got.delivered + got.refused;
  sum.messages_delivered += got.delivered;
  sum.messages_refused += got.refused;
  sum.peer_delivered += told.delivered;
  sum.peer_refused += told.refused;
}

Task<void> Link::write_all(std::shared_ptr<Link> self) {
  for (;;) {
    const bool up = co_await self->outbox->work(self->number);
    if (!up) break;
    // Who runs anyway may have something for the same write: the system is called once for all.
    co_await yield();
    const bool written = co_await self->write_what_waits();
    if (!written) break;
    self->go_on_draining();
  }
  self->end("the writer was asked to stop");
  self->writer_done.set();
}

Task<bool> Link::write_what_waits() {
  for (;;) {
    const BytesView slice = outbox->take(number, writing);
    if (slice.empty()) co_return true;
    writing_since_.store(clock.now(), std::memory_order_relaxed);
    const auto done = co_await connection->write(slice);
    writing_since_.store(TimePoint::max(), std::memory_order_relaxed);
    if (!done) {
      end(heard_goodbye() ? "the peer has said goodbye" : done.error().to_string());
      co_return false;
    }
    bytes_written.fetch_add(slice.size(), std::memory_order_relaxed);
    frames_written.fetch_add(writing.frames, std::memory_order_relaxed);
  }
}

// Called when everything has been written.
void Link::go_on_draining() {
  if (sealed_) {
    goodbye_written_.store(true);
    if (goodbye_heard_.load()) end("both sides have said goodbye");
    return;
  }
  if (!outbox->has_drained()) return;
  if (last_ping_.load() == 0) {
    // It comes behind all that was written, so its pong tells of all that.
    last_ping_.store(pings_.load() + 1);
    send_ping();
  } else if (all_confirmed_.load()) {
    sealed_ = outbox->seal(number, {.kind = FrameKind::Goodbye}, goodbye_bytes("drained"));
  }
}

void Link::send_ping() {
  const Ping ping{pings_.fetch_add(1) + 1, age(clock.now()), received.get()};
  (void)outbox->push_control(number, {.kind = FrameKind::Ping}, to_bytes(ping),
                             Outbox::Importance::Vital);
}

void Link::answer_ping(const Ping& ping, TimePoint now) {
  const Pong pong{ping.number, ping.sent_at, age(now), received.get()};
  // A peer that pings and does not read gets no pong.
  (void)outbox->push_control(number, {.kind = FrameKind::Pong}, to_bytes(pong),
                             Outbox::Importance::Vital);
}

void Link::take_pong(const Pong& pong) noexcept {
  const std::uint64_t last = last_ping_.load();
  if (last == 0 || pong.number < last || all_confirmed_.exchange(true)) return;
  outbox->poke(number);
}

void Link::take_goodbye() noexcept {
  goodbye_heard_.store(true);
  if (goodbye_written_.load())
    end("both sides have said goodbye");
  else
    drain();
}

bool Link::confirm(const Receipt& now) noexcept {
  const Receipt before = confirmed_.get();
  const std::uint64_t sent = outbox->counts().messages_of_link;
  if (now.delivered < before.delivered || now.refused < before.refused || now.delivered > sent ||
      now.refused > sent - now.delivered)
    return false;
  confirmed_.set(now);
  return true;
}

}  // namespace coerce::detail
