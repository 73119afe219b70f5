#include <coerce/runtime/rng.hpp>

#include <random>

namespace coerce {

std::uint64_t Rng::random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) ^ device();
}

}  // namespace coerce
