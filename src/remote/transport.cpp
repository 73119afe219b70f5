#include <coerce/remote/transport.hpp>

namespace coerce {

std::string_view to_string(TransportErrKind kind) noexcept {
  switch (kind) {
    case TransportErrKind::Closed:
      return "closed";
    case TransportErrKind::Lost:
      return "connection lost";
    case TransportErrKind::Refused:
      return "connection refused";
    case TransportErrKind::Unreachable:
      return "unreachable";
    case TransportErrKind::Timeout:
      return "timed out";
    case TransportErrKind::BadAddress:
      return "bad address";
    case TransportErrKind::AddressInUse:
      return "address in use";
    case TransportErrKind::Insecure:
      return "not secure";
    case TransportErrKind::Exhausted:
      return "out of descriptors or memory";
  }
  return "unknown";
}

std::string TransportErr::to_string() const {
  std::string text(coerce::to_string(kind_));
  if (!detail_.empty()) text += ": " + detail_;
  return text;
}

}  // namespace coerce
