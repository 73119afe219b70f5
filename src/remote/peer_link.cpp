// How a peer carries a link.

#include <algorithm>
#include <mutex>

#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>

#include "actor/system_core.hpp"
#include "remote/hello.hpp"
#include "remote/link_watch.hpp"
#include "remote/peer_reading.hpp"

namespace coerce::detail {

namespace {

/// False: cancelled.
Task<bool> happened(AsyncEvent& event) { co_return co_await event.wait(); }
Task<void> wait_for_event(AsyncEvent& event) {
  const bool set = co_await event.wait();
  (void)set;
}
Task<void> pass_time(Duration duration) {
  const bool slept = co_await sleep_for(duration);
  (void)slept;
}

}  // namespace

Task<LinkEnd> Peer::carry(std::unique_ptr<Connection> connection, LinkTerms terms) {
  const std::shared_ptr<Peer> self = shared_from_this();
  const auto link =
      std::make_shared<Link>(std::move(connection), std::move(terms), outbox_, system_.clock());
  std::shared_ptr<Link> older;
  {
    const std::lock_guard guard(lock_);
    const char* refused = retired_                                ? "the node is gone for good"
                          : link->terms.generation <= generation_ ? "a newer link is there"
                                                                  : nullptr;
    if (refused == nullptr) {
      generation_ = link->terms.generation;
      older = std::exchange(link_, link);
    } else {
      link->end(refused);
    }
  }
  if (older != nullptr) {
    // What it has decoded is handed over, and its requests have ended, before this one begins.
    older->end("a newer link has come");
    const bool gone = co_await happened(older->finished);
    if (!gone) link->end("the task of the link was asked to stop");
    older.reset();
  }
  LinkEnd end = co_await run(link);
  co_return end;
}

// What is thrown here ends the link before it has begun, as a fault that the log shows.
void Peer::prepare(Link& link, TimePoint now) noexcept {
  try {
    link.proof.emplace(host_.authenticator(), link.terms, now);
  } catch (const std::exception& error) {
    link.end(error.what(), Link::Fault::Hostile);
  } catch (...) {
    link.end("something was thrown", Link::Fault::Hostile);
  }
}

Task<LinkEnd> Peer::run(std::shared_ptr<Link> link) {
  const TimePoint now = system_.clock().now();
  prepare(*link, now);
  if (link->ended()) {
    link->finished.set();
    LinkEnd end;
    end.generation = link->terms.generation;
    end.why = link->why();
    end.hostile = link->hostile();
    co_return end;
  }
  began_.store(now, std::memory_order_relaxed);
  link->begin(outbox_->open(link->terms.max_frame, host_.handlers().all().size()), now);
  {
    const std::lock_guard guard(lock_);
    ++past_.links_opened;
    link->is_carried = true;
  }
  link->send_ping();  // the first frame, so that the peer can tell how old the others are
  const bool writes = system_.spawn(Link::write_all(link));
  if (!writes) {
    link->end("the system runs as many tasks as it may");
    link->writer_done.set();
  }
  // Whatever is thrown, the link has to end in order: those that come after it wait for that.
  try {
    auto reading = read_all(link);
    auto beating = beat(link);
    auto first = co_await when_any(std::move(reading), std::move(beating));
    (void)first;
    link->end("the task of the link was asked to stop");
  } catch (const std::exception& error) {
    link->end(error.what());
  } catch (...) {
    link->end("something was thrown");
  }
  LinkEnd end = finish_link(*link);
  link->finished.set();
  const bool written = co_await happened(link->writer_done);
  (void)written;  // if it goes on, it holds what it needs
  {
    const std::lock_guard guard(lock_);
    if (link_ == link) link_.reset();
  }
  co_return end;
}

Task<void> Peer::read_all(std::shared_ptr<Link> link) {
  Reading reading(*this, *link);
  BytesView early = link->terms.early;
  while (handle_frames(*link, reading)) {
    if (reading.turn_is_over()) {
      co_await yield();
      continue;
    }
    const auto space = reading.frames.space();
    if (!early.empty()) {
      const std::size_t count = std::min(space.size(), early.size());
      std::copy_n(early.begin(), count, space.begin());
      reading.frames.filled(count);
      early = early.subspan(count);
      continue;
    }
    if (reading.is_caught_up) {
      // Who was told or answered goes first, and then the writer with what they say, which gives
      // way once itself: to find that nothing more has come takes longer than all that.
      for (int others = 0; others < 3; ++others) co_await yield();
    }
    const auto count = co_await link->connection->read_some(space);
    reading.is_caught_up = count && *count < space.size();
    if (!count || *count == 0) {
      if (link->heard_goodbye())
        link->end("the peer has said goodbye");
      else
        link->end(count ? "the peer has closed the link" : count.error().to_string());
      break;
    }
    link->bytes_read.fetch_add(*count, std::memory_order_relaxed);
    reading.frames.filled(*count);
  }
}

Task<void> Peer::beat(std::shared_ptr<Link> link) {
  LinkWatch watch(options_, system_.clock().now());
  for (;;) {
    auto resting = rest(std::min(watch.next(), link->proof->next()));
    const bool goes_on = co_await resting;
    if (!goes_on || link->ended()) break;
    const TimePoint now = system_.clock().now();
    end_expired(now);
    end_if_overrun(*link);
    if (link->ended() || !keep_proven(*link, now)) break;
    const LinkWatch::Advice advice =
        watch.look({.bytes_read = link->bytes_read.load(std::memory_order_relaxed),
                    .bytes_taken = link->connection->written(),
                    .writing_since = link->writing_since()},
                   now);
    if (advice.give_up != nullptr) {
      link->end(advice.give_up);
      break;
    }
    if (advice.ping && !link->said_goodbye()) link->send_ping();
  }
}

// Until a request has expired, if that is earlier. False: cancelled.
Task<bool> Peer::rest(TimePoint until) {
  const auto sooner = std::make_shared<AsyncEvent>();
  {
    const std::lock_guard guard(lock_);
    sooner_ = sooner;
  }
  // Whoever adds a request that look_again() has not seen finds looks_at_ as it is stored here,
  // by the lock of the requests.
  looks_at_.store(until, std::memory_order_release);
  until = std::min(until, requests_.look_again());
  looks_at_.store(until, std::memory_order_release);
  const Duration pause = until - system_.clock().now();
  auto first = co_await when_any(sleep_for(std::max(pause, Duration::zero())), sooner->wait());
  co_return first.index() == 0 ? std::get<0>(first) : std::get<1>(first);
}

void Peer::end_if_overrun(Link& link) noexcept {
  if (link.outbox->is_overrun()) link.end("the peer does not read its answers");
}

bool Peer::keep_proven(Link& link, TimePoint now) {
  switch (link.proof->due(now)) {
    case LinkProof::Due::Nothing:
      return true;
    case LinkProof::Due::Challenge: {
      if (link.said_goodbye()) {
        link.proof->finish();
        return true;
      }
      Bytes nonce(kNonceSize);
      host_.draw_secret(nonce);
      if (link.outbox->push_control(link.number, {.kind = FrameKind::Challenge},
                                    challenge_bytes(nonce),
                                    Outbox::Importance::Vital) == Queued::Full) {
        link.end(kNoRoomForProof);
        return false;
      }
      link.proof->challenged(std::move(nonce), now);
      return true;
    }
    case LinkProof::Due::End:
      link.end("the peer has not proven itself again in time", Link::Fault::Hostile);
      return false;
  }
  return false;
}

Task<void> Peer::drain(TimePoint deadline) {
  const auto link = present();
  if (link == nullptr) co_return;
  if (link->number.load(std::memory_order_acquire) == 0)
    link->end("drained before it began");
  else
    link->drain();
  auto finished = wait_for_event(link->finished);
  auto time = pass_time(std::max(deadline - system_.clock().now(), Duration::zero()));
  auto first = co_await when_any(std::move(finished), std::move(time));
  (void)first;
  link->end("not drained in time");
  const bool gone = co_await happened(link->finished);
  (void)gone;
}

}  // namespace coerce::detail
