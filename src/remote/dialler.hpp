/// \file
/// Keeps links to the nodes that this one wants to reach.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <coerce/runtime/detail/async_event.hpp>

#include "remote/links.hpp"
#include "remote/membership.hpp"
#include "remote/seed_names.hpp"

namespace coerce::detail {

/// How long to wait until the next try: 100 ms, twice as long each time, 10 s at the most; half of
/// it is drawn.
class BackOff {
 public:
  explicit BackOff(Rng& rng) noexcept : rng_(rng) {}
  Duration next() noexcept;
  void reset() noexcept { tries_ = 0; }

 private:
  Rng& rng_;
  unsigned tries_ = 0;
};

/// A task for each address that is wanted: it dials, carries the link, waits, and dials again, for
/// ever while the address is wanted. Another one for each seed that is a name looks it up again and
/// again. Its tasks share it.
class Dialler : public std::enable_shared_from_this<Dialler> {
 public:
  /// `wanted`: addresses to which there is no link but should be, besides the seeds. `refused`: is
  /// told an address where nobody listens, each time that this is found.
  Dialler(NodeWorld& world, Links& links, PeerTable& peers, Transport& transport,
          const NodeSettings& settings, SeedNames seeds,
          std::function<std::vector<std::string>()> wanted,
          std::function<void(const std::string&)> refused);

  /// Takes up the addresses that are wanted now; call it again when they may have changed.
  void refresh();
  /// Dials no more; hellos that are under way end, links stay.
  void close() noexcept { closing_.set(); }

  /// The addresses of the seeds, and whom this node is linked to there.
  std::vector<SeedPlace> places() const;

 private:
  struct Target {
    NodeId node = 0;  ///< that was found there; 0: none yet
    bool is_self = false;
    bool is_running = false;
    std::string seed;     ///< as it was given, if it was
    std::string trouble;  ///< the latest that was logged
  };
  enum class Try : std::uint8_t { Linked, Failed, Refused, Ended };

  static Task<void> keep(std::shared_ptr<Dialler> self, std::string address);
  static Task<void> look_up(std::shared_ptr<Dialler> self, std::string name);
  void start_looking_up();
  void tell_unknown(const std::string& name, const std::string& why);
  Task<TransportResult<std::vector<std::string>>> resolve(std::string address);
  Task<Try> try_to_dial(std::string address);
  Task<Try> dial(std::string address);
  Task<Try> dial_one(std::string address, std::string name, std::string resolved);
  Task<TransportResult<std::unique_ptr<Connection>>> connect(std::string resolved);
  std::string name_of(const std::string& address) const;
  bool is_wanted(const std::string& address) const;
  bool is_reached(const Target& target) const;
  void found(const std::string& address, NodeId node);
  void found_ourselves(const std::string& address);
  void tell_trouble(const std::string& address, const std::string& why);
  void stopped(const std::string& address);

  NodeWorld& world_;
  Links& links_;
  PeerTable& peers_;
  Transport& transport_;
  const NodeSettings& settings_;
  const std::function<std::vector<std::string>()> wanted_;
  const std::function<void(const std::string&)> refused_;

  mutable std::mutex mutex_;
  SeedNames seeds_;
  std::set<std::string> looked_up_;  ///< by a task
  std::map<std::string, Target> targets_;
  AsyncEvent closing_;
};

}  // namespace coerce::detail
