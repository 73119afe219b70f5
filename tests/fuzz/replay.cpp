// Gives every file of the directories that are named to a fuzz target, without libFuzzer; and, from
// a fixed seed, changed copies of each. Usage: <program> <copies> <directory>...

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::vector<std::uint8_t> contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void change(std::vector<std::uint8_t>& input, std::mt19937_64& random) {
  const std::size_t at = input.empty() ? 0 : random() % input.size();
  const auto byte = static_cast<std::uint8_t>(random());
  switch (random() % 4) {
    case 0:
      input.resize(at);
      break;
    case 1:
      input.insert(input.begin() + static_cast<std::ptrdiff_t>(at), byte);
      break;
    default:
      if (!input.empty()) input[at] = random() % 2 == 0 ? byte : input[at] ^ 0x80;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int copies = argc > 1 ? std::atoi(argv[1]) : 0;
  std::mt19937_64 random(20251125);
  std::size_t files = 0;
  for (int i = 2; i < argc; ++i) {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(argv[i]))
      paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths) {
      const auto input = contents(path);
      LLVMFuzzerTestOneInput(input.data(), input.size());
      for (int copy = 0; copy < copies; ++copy) {
        auto changed = input;
        for (auto times = 1 + random() % 4; times > 0; --times) change(changed, random);
        LLVMFuzzerTestOneInput(changed.data(), changed.size());
      }
      ++files;
    }
  }
  std::printf("%zu files\n", files);
  return files > 0 ? 0 : 1;
}
