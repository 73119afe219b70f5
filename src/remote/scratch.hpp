/// \file
/// Memory in which a thread encodes a message before it is queued.

#pragma once

#include <coerce/codec/bytes.hpp>

namespace coerce::detail {

/// The thread's own bytes, empty at first; while they are in use (a codec that sends a message
/// itself) others. Not to be kept across a suspension.
class Scratch {
 public:
  Scratch() noexcept;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();

  Bytes& bytes() noexcept { return *bytes_; }

 private:
  Bytes other_;
  Bytes* bytes_;
  bool* in_use_;  ///< of the thread's own; null: others are used
};

}  // namespace coerce::detail
