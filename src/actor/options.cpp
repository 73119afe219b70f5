#include <coerce/actor/options.hpp>

#include <array>

namespace coerce {

std::string_view to_string(ActorStatus status) noexcept {
  static constexpr std::array<std::string_view, 4> kNames{"Starting", "Started", "Stopping",
                                                          "Stopped"};
  return kNames[static_cast<std::size_t>(status)];
}

std::string_view to_string(StopReasonKind kind) noexcept {
  static constexpr std::array<std::string_view, 7> kNames{
      "Stopped",       "Failed",         "StartFailed", "Unreferenced",
      "ParentStopped", "SystemShutdown", "NodeLost"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace coerce
