/// \file
/// A node that listens and looks for others.

#pragma once

#include <memory>

#include "remote/acceptor.hpp"
#include "remote/dialler.hpp"

namespace coerce::detail {

/// Its tasks end soon after close().
class ClusterWorker {
 public:
  ClusterWorker(std::shared_ptr<Acceptor> accepts, std::shared_ptr<Dialler> dials,
                std::string known_as)
      : acceptor(std::move(accepts)), dialler(std::move(dials)), address(std::move(known_as)) {}

  void close() noexcept {
    acceptor->close();
    dialler->close();
    closing.set();
  }

  const std::shared_ptr<Acceptor> acceptor;
  const std::shared_ptr<Dialler> dialler;
  const std::string address;  ///< that others are told
  AsyncEvent closing;
};

}  // namespace coerce::detail
