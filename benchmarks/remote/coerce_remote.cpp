// The same jobs on the library: actors of one node, tasks of another. Defaults, but for the number
// of threads.

#include "contender.hpp"
#include "meter.hpp"

#include <array>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <coerce/actor.hpp>
#include <coerce/codec/members.hpp>
#include <coerce/remote.hpp>
#include <coerce/remote/tls.hpp>

namespace remote_bench {

template <class Payload>
struct Tell {
  Payload payload{};
};

template <class Payload>
struct Ask {
  using Result = Payload;
  Payload payload{};
};

}  // namespace remote_bench

template <class Payload>
struct coerce::Codec<remote_bench::Tell<Payload>>
    : coerce::MemberCodec<remote_bench::Tell<Payload>, &remote_bench::Tell<Payload>::payload> {};
template <class Payload>
struct coerce::Codec<remote_bench::Ask<Payload>>
    : coerce::MemberCodec<remote_bench::Ask<Payload>, &remote_bench::Ask<Payload>::payload> {};

namespace remote_bench {
namespace {

using Small = std::array<std::uint64_t, 8>;
using Large = std::string;

constexpr coerce::NodeId kServing = 1;
constexpr coerce::NodeId kDriving = 2;

template <class Payload>
class Target : public coerce::Actor {
 public:
  void handle(Tell<Payload> message, coerce::ActorContext&) { last_ = std::move(message.payload); }
  Payload handle(Ask<Payload> message, coerce::ActorContext&) {
    last_ = std::move(message.payload);
    return last_;
  }

 private:
  Payload last_{};
};

template <class Payload>
using Ref = coerce::ActorRef<Target<Payload>>;

template <class T, class E>
T demand(tl::expected<T, E> result) {
  if (!result) throw std::runtime_error("coerce: " + result.error().to_string());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

std::string target_id(std::size_t number) { return "target-" + std::to_string(number); }

/// A node that listens.
template <class Payload>
class Node {
 public:
  Node(const Setting& setting, coerce::NodeId id, std::optional<std::uint16_t> seed = {})
      : system_(coerce::ActorSystem::builder()
                    .worker_threads(setting.workers)
                    .log_level(coerce::LogLevel::Warn)
                    .build()) {
    auto builder = coerce::RemoteActorSystem::builder();
    builder.with_id(id).with_actor_system(system_).with_handlers([](coerce::RemoteHandlers& all) {
      all.with_handler<Target<Payload>, Tell<Payload>>("tell");
      all.with_handler<Target<Payload>, Ask<Payload>>("ask");
    });
    if (setting.tls.wanted())
      builder.tls(
          coerce::TlsOptions(setting.tls.certificate, setting.tls.key, setting.tls.authority));
    remote_ = demand(system_.block_on(builder.build()));
    auto worker = remote_->cluster_worker();
    worker.listen_addr("127.0.0.1:0");
    if (seed) worker.with_seed_addr("127.0.0.1:" + std::to_string(*seed));
    address_ = demand(system_.block_on(worker.start())).local_addr();
  }

  coerce::ActorSystem& system() { return system_; }
  std::uint16_t port() const {
    return static_cast<std::uint16_t>(std::stoul(address_.substr(address_.rfind(':') + 1)));
  }

  /// An actor of the other node.
  Ref<Payload> target(std::size_t number) {
    return demand(
        system_.block_on(remote_->actor_ref<Target<Payload>>(coerce::ActorId(target_id(number)))));
  }

 private:
  coerce::ActorSystem system_;
  std::optional<coerce::RemoteActorSystem> remote_;
  std::string address_;
};

/// What the tasks of a job share. They run in one unit, so one at a time.
template <class Payload>
struct Work {
  const Setting& setting;
  std::vector<Ref<Payload>> actors;
  Payload payload{};
  Targets targets{};
  Latencies latencies{0};
  std::uint64_t sent = 0;

  const Ref<Payload>& next() { return actors[targets.next()]; }
};

template <class Payload>
coerce::Task<void> ask(const Ref<Payload>& whom, const Payload& payload) {
  auto asking = whom.template send<Ask<Payload>>(payload);
  auto answer = co_await asking;
  demand(std::move(answer));
}

template <class Payload>
coerce::Task<void> keep_asking(Work<Payload>& job) {
  const bool single = job.setting.job.in_flight == 1;
  while (job.sent < job.setting.count) {
    ++job.sent;
    if (single) job.latencies.begin();
    auto asking = job.next().template send<Ask<Payload>>(job.payload);
    auto answer = co_await asking;
    job.payload = demand(std::move(answer));
    if (single) job.latencies.end();
  }
}

template <class Payload>
coerce::Task<void> tell_windows(Work<Payload>& job) {
  const std::uint64_t window = window_of(job.setting.job);
  while (job.sent < job.setting.count) {
    for (std::uint64_t i = 0; i < window && job.sent < job.setting.count; ++i, ++job.sent)
      demand(job.next().template notify<Tell<Payload>>(job.payload));
    co_await ask(job.next(), job.payload);
  }
}

template <class Payload>
coerce::Task<void> run_job(Work<Payload>& job) {
  const bool one_way = job.setting.job.kind == Kind::OneWay;
  std::vector<coerce::Task<void>> tasks;
  for (std::size_t i = 0; i < (one_way ? kWindows : job.setting.job.in_flight); ++i)
    tasks.push_back(one_way ? tell_windows(job) : keep_asking(job));
  co_await coerce::when_all(std::move(tasks));
  if (!one_way) co_return;
  // Each target answers behind what it was told.
  for (const auto& actor : job.actors) co_await ask(actor, job.payload);
}

template <class Payload>
void serve_as(const Setting& setting, const std::function<void(std::uint16_t)>& ready) {
  Node<Payload> node(setting, kServing);
  std::vector<coerce::LocalActorRef<Target<Payload>>> actors;
  for (std::size_t i = 0; i < kTargets; ++i)
    actors.push_back(demand(node.system().template new_actor_blocking<Target<Payload>>(
        coerce::ActorId(target_id(i)), Target<Payload>(), coerce::ActorType::Tracked)));
  ready(node.port());
  std::promise<void>().get_future().wait();
}

template <class Payload>
Outcome drive_as(const Setting& setting, Server server) {
  Node<Payload> node(setting, kDriving, server.port);
  Work<Payload> job{.setting = setting, .actors = {}};
  for (std::size_t i = 0; i < kTargets; ++i) job.actors.push_back(node.target(i));
  if constexpr (std::is_same_v<Payload, Large>) job.payload.assign(setting.job.payload, 'x');
  if (setting.job.in_flight == 1) job.latencies = Latencies(setting.count);
  const Meter meter(server.pid);
  node.system().block_on(run_job(job));
  Outcome outcome = meter.stop(setting.count);
  job.latencies.write_to(outcome);
  return outcome;
}

void serve(const Setting& setting, const std::function<void(std::uint16_t)>& ready) {
  if (setting.job.payload == kSmall) return serve_as<Small>(setting, ready);
  return serve_as<Large>(setting, ready);
}

Outcome drive(const Setting& setting, Server server) {
  if (setting.job.payload == kSmall) return drive_as<Small>(setting, server);
  return drive_as<Large>(setting, server);
}

}  // namespace

Contender coerce_remote() {
  return {.name = "coerce", .slower = 1, .serve = &serve, .drive = &drive};
}

}  // namespace remote_bench
