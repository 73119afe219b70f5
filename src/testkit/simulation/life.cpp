#include "testkit/simulation/life.hpp"

#include <fmt/format.h>

namespace coerce::testkit::detail {

namespace {

/// One node alone.
class Alone final : public Driven {
 public:
  explicit Alone(Life& life) : life_(life) {}
  bool step() override { return life_.step(); }
  TimePoint now() const override { return life_.clock.now(); }
  std::optional<TimePoint> next_moment() override { return life_.core().next_deadline(); }
  void pass_to(TimePoint time) override { (void)life_.clock.skip(time - now()); }

 private:
  Life& life_;
};

}  // namespace

Life::Life(NodeId node, std::size_t its_number, ActorSystemBuilder builder, std::uint64_t seed,
           const Clock& world, std::shared_ptr<Transport> its_transport, Trace* trace)
    : number(its_number),
      clock(world),
      transport(std::move(its_transport)),
      prefix_(fmt::format("{}: ", node)) {
  system.emplace(builder.clock(clock).seed(seed | 1).shuffled(true).build());
  record(trace);
}

bool Life::step() {
  if (detail::step(core())) return true;
  is_quiet = true;
  return false;
}

void Life::record(Trace* trace) {
  if (trace == nullptr) {
    core().shuffle()->observe(nullptr);
    return;
  }
  if (recorder)
    recorder->write_to(*trace);
  else
    recorder.emplace(*trace, prefix_);
  core().shuffle()->observe(&*recorder);
}

Life::End Life::end_alone(Duration deadline, std::size_t max_steps) {
  record(nullptr);
  clock.leave();
  End end;
  const auto outcome = std::make_shared<coerce::detail::BlockOnOutcome<ShutdownReport>>();
  const auto done =
      start_driven(core(), coerce::detail::capture(system->shutdown(deadline), outcome));
  Alone alone(*this);
  const Drove drove = drive(alone, [&] { return *done; }, TimePoint::max(), max_steps);
  if (drove != Drove::Done) {
    end.is_endless = true;
    return end;
  }
  end.report = outcome->take();
  // What was told last reaches who is left.
  end.is_endless = drive(alone, [] { return false; }, alone.now(), max_steps) == Drove::Endless;
  return end;
}

}  // namespace coerce::testkit::detail
