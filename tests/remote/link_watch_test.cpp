#include "remote/link_watch.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using coerce::Duration;
using coerce::TimePoint;
using coerce::detail::LinkWatch;
using coerce::detail::PeerOptions;

namespace {

constexpr TimePoint kBegan{Duration(1h)};

PeerOptions options() {
  PeerOptions options;
  options.ping_interval = 500ms;
  options.write_deadline = 10s;
  options.silence_deadline = 3s;
  return options;
}

/// Looks whenever it is due, until a time; gives why and when the link was given up.
struct Life {
  LinkWatch watch{options(), kBegan};
  LinkWatch::Sight sight{};
  int looks = 0, pings = 0;
  const char* end = nullptr;
  TimePoint ended{};

  template <class Change>
  void live(TimePoint until, Change&& change) {
    while (end == nullptr && watch.next() <= until) {
      const TimePoint now = watch.next();
      change(sight, now);
      const auto advice = watch.look(sight, now);
      ++looks;
      if (advice.ping) ++pings;
      end = advice.give_up;
      ended = now;
    }
  }
};

}  // namespace

TEST_CASE("A link that is idle is looked at once for each ping", "[link]") {
  Life life;
  life.live(kBegan + 60s, [](auto& sight, TimePoint) { ++sight.bytes_read; });
  REQUIRE(life.end == nullptr);
  REQUIRE(life.pings == 120);
  REQUIRE(life.looks == 120);
}

TEST_CASE("A peer of which nothing comes is given up at the deadline, not before", "[link]") {
  Life life;
  life.live(kBegan + 60s, [](auto& sight, TimePoint now) {
    if (now <= kBegan + 20s) ++sight.bytes_read;
  });
  REQUIRE(life.end == std::string_view("the peer is silent"));
  REQUIRE(life.ended == kBegan + 23s);
}

TEST_CASE("A peer that takes nothing is given up at the deadline of the write", "[link]") {
  Life life;
  life.live(kBegan + 60s, [](auto& sight, TimePoint now) {
    ++sight.bytes_read;
    if (now >= kBegan + 5s) sight.writing_since = kBegan + 4900ms;
    if (now <= kBegan + 7s) ++sight.bytes_taken;
  });
  REQUIRE(life.end == std::string_view("the peer reads nothing"));
  REQUIRE(life.ended == kBegan + 17s);
}

TEST_CASE("A long pause between two writes is none of the peer's", "[link]") {
  Life life;
  life.live(kBegan + 60s, [](auto& sight, TimePoint now) {
    ++sight.bytes_read;
    if (now >= kBegan + 50s) sight.writing_since = kBegan + 50s;
  });
  REQUIRE(life.end == std::string_view("the peer reads nothing"));
  REQUIRE(life.ended == kBegan + 60s);
}

TEST_CASE("A node that stood still does not blame its peers", "[link]") {
  LinkWatch watch(options(), kBegan);
  LinkWatch::Sight sight{.writing_since = kBegan};
  const auto advice = watch.look(sight, kBegan + 60s);
  REQUIRE(advice.give_up == nullptr);
  REQUIRE(advice.ping);
  sight.writing_since = TimePoint::max();
  REQUIRE(watch.look(sight, watch.next()).give_up == nullptr);
}
