// The same jobs on CAF's io module, as Debian ships it: remote actors over BASP, with CAF's own
// OpenSSL module for TLS. Defaults, but for the number of threads that run actors.

#include "contender.hpp"
#include "meter.hpp"

#include <array>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <caf/openssl/all.hpp>

namespace remote_bench {

/// 64 bytes without a length.
struct CafSmall {
  std::array<std::uint64_t, 8> words{};
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& inspector, CafSmall& small) {
  auto& words = small.words;
  return inspector(words[0], words[1], words[2], words[3], words[4], words[5], words[6], words[7]);
}

namespace {

using TellAtom = caf::atom_constant<caf::atom("tell")>;
using AskAtom = caf::atom_constant<caf::atom("ask")>;
using TargetsAtom = caf::atom_constant<caf::atom("targets")>;
using GoAtom = caf::atom_constant<caf::atom("go")>;
using Actors = std::vector<caf::actor>;

class Config : public caf::actor_system_config {
 public:
  explicit Config(const Setting& setting) {
    load<caf::io::middleman>();
    if (setting.tls.wanted()) {
      load<caf::openssl::manager>();
      openssl_certificate = setting.tls.certificate;
      openssl_key = setting.tls.key;
      openssl_cafile = setting.tls.authority;
    }
    set("scheduler.max-threads", static_cast<std::size_t>(setting.workers));
    add_message_type<CafSmall>("remote_bench::CafSmall");
    add_message_type<Actors>("remote_bench::Actors");
  }
};

template <class Payload>
struct LastOne {
  Payload last{};
};

template <class Payload>
caf::behavior target(caf::stateful_actor<LastOne<Payload>>* self) {
  return {
      [self](TellAtom, const Payload& payload) { self->state.last = payload; },
      [self](AskAtom, const Payload& payload) {
        self->state.last = payload;
        return payload;
      },
  };
}

template <class Payload>
caf::behavior hub(caf::event_based_actor* self) {
  Actors targets;
  for (std::size_t i = 0; i < kTargets; ++i) targets.push_back(self->spawn(target<Payload>));
  return {
      [targets](TargetsAtom) { return targets; },
  };
}

/// What is known while a job runs, in the driving actor.
template <class Payload>
struct Driving {
  Setting setting;
  Actors actors;
  Payload payload{};
  Targets targets;
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::size_t windows = kWindows;
  Latencies latencies{0};
  std::promise<void>* done = nullptr;
};

template <class Payload>
using Driver = caf::stateful_actor<Driving<Payload>>;

template <class Payload>
caf::actor& next_target(Driving<Payload>& state) {
  return state.actors[state.targets.next()];
}

template <class Payload, class F>
void ask(Driver<Payload>* self, const caf::actor& whom, F then) {
  self->request(whom, caf::infinite, AskAtom::value, self->state.payload)
      .then([then](const Payload&) { then(); });
}

template <class Payload>
void keep_asking(Driver<Payload>* self) {
  auto& state = self->state;
  ++state.sent;
  if (state.setting.job.in_flight == 1) state.latencies.begin();
  ask(self, next_target(state), [self, &state] {
    if (state.setting.job.in_flight == 1) state.latencies.end();
    if (++state.answered == state.setting.count) return state.done->set_value();
    if (state.sent < state.setting.count) keep_asking(self);
  });
}

/// Each target answers behind what it was told.
template <class Payload>
void wait_for_all(Driver<Payload>* self) {
  for (const caf::actor& actor : self->state.actors) {
    ask(self, actor, [self] {
      if (++self->state.answered == kTargets) self->state.done->set_value();
    });
  }
}

template <class Payload>
void tell_a_window(Driver<Payload>* self) {
  auto& state = self->state;
  for (std::uint64_t i = 0; i < window_of(state.setting.job); ++i) {
    if (state.sent == state.setting.count) {
      if (--state.windows == 0) wait_for_all(self);
      return;
    }
    ++state.sent;
    self->send(next_target(state), TellAtom::value, state.payload);
  }
  ask(self, next_target(state), [self] { tell_a_window(self); });
}

template <class Payload>
caf::behavior driver(Driver<Payload>* self, Setting setting, Actors actors,
                     std::promise<void>* done) {
  auto& state = self->state;
  state.setting = std::move(setting);
  state.actors = std::move(actors);
  state.done = done;
  if constexpr (std::is_same_v<Payload, std::string>)
    state.payload.assign(state.setting.job.payload, 'x');
  if (state.setting.job.in_flight == 1) state.latencies = Latencies(state.setting.count);
  return {
      [self](GoAtom) {
        const Job& job = self->state.setting.job;
        const bool one_way = job.kind == Kind::OneWay;
        for (std::size_t i = 0; i < (one_way ? kWindows : job.in_flight); ++i) {
          if (one_way)
            tell_a_window(self);
          else
            keep_asking(self);
        }
      },
      [self](TargetsAtom) {  // its answer: p50 and p99
        Outcome outcome;
        self->state.latencies.write_to(outcome);
        return std::vector<double>{outcome.p50_us, outcome.p99_us};
      },
  };
}

template <class Payload>
void serve_as(const Setting& setting, const std::function<void(std::uint16_t)>& ready) {
  Config config(setting);
  caf::actor_system system(config);
  const caf::actor published = system.spawn(hub<Payload>);
  const auto port = setting.tls.wanted() ? caf::openssl::publish(published, 0, "127.0.0.1")
                                         : system.middleman().publish(published, 0, "127.0.0.1");
  if (!port) throw std::runtime_error("CAF cannot publish: " + system.render(port.error()));
  ready(*port);
  std::this_thread::sleep_for(std::chrono::hours(1));
}

template <class Payload>
Outcome drive_as(const Setting& setting, Server server) {
  Config config(setting);
  caf::actor_system system(config);
  const auto remote = setting.tls.wanted()
                          ? caf::openssl::remote_actor(system, "127.0.0.1", server.port)
                          : system.middleman().remote_actor("127.0.0.1", server.port);
  if (!remote) throw std::runtime_error("CAF cannot connect: " + system.render(remote.error()));
  Actors actors;
  caf::scoped_actor self(system);
  const auto failed = [&](const caf::error& error) {
    throw std::runtime_error("CAF: " + system.render(error));
  };
  self->request(*remote, caf::infinite, TargetsAtom::value)
      .receive([&](Actors& all) { actors = std::move(all); }, failed);

  std::promise<void> done;
  const caf::actor driving = system.spawn(driver<Payload>, setting, actors, &done);
  const Meter meter(server.pid);
  caf::anon_send(driving, GoAtom::value);
  done.get_future().wait();
  Outcome outcome = meter.stop(setting.count);
  self->request(driving, caf::infinite, TargetsAtom::value)
      .receive(
          [&](const std::vector<double>& quantiles) {
            outcome.p50_us = quantiles[0];
            outcome.p99_us = quantiles[1];
          },
          failed);
  caf::anon_send_exit(driving, caf::exit_reason::kill);  // else the system waits for it
  return outcome;
}

void serve(const Setting& setting, const std::function<void(std::uint16_t)>& ready) {
  if (setting.job.payload == kSmall)
    serve_as<CafSmall>(setting, ready);
  else
    serve_as<std::string>(setting, ready);
}

Outcome drive(const Setting& setting, Server server) {
  if (setting.job.payload == kSmall) return drive_as<CafSmall>(setting, server);
  return drive_as<std::string>(setting, server);
}

}  // namespace

Contender caf_io() { return {.name = "CAF", .slower = 10, .serve = &serve, .drive = &drive}; }

}  // namespace remote_bench
