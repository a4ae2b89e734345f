/* Stands in for libFuzzer where there is no clang. Plays every kept input, then mutations of them:
 *
 *     fuzz_netlink FOLDER [MUTATIONS [SEED]]
 *
 * The same seed plays the same mutations of the same folder. An input that fails is printed in hexadecimal. */
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "fuzz.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

namespace {

using Input = std::vector<uint8_t>;

Input playing;

void PrintInput() {
  std::fputs("the input, for `xxd -r -p`: ", stderr);
  for (const uint8_t byte : playing) std::fprintf(stderr, "%02x", byte);
  std::fputc('\n', stderr);
}

void Play(const Input& input) {
  playing = Input(input.begin(), input.end()); /* no spare capacity for an overrun to hide in */
  LLVMFuzzerTestOneInput(playing.data(), playing.size());
}

/* Sorted, so that a seed means the same on every file system. */
std::vector<Input> ReadAll(const char* folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<Input> inputs;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return inputs;
}

class Mutator {
 public:
  Mutator(const std::vector<Input>& kept, uint64_t seed) : kept_(kept), random_(seed) {}

  Input Next() {
    Input input = kept_[Below(kept_.size())];
    for (size_t changes = 1 + Below(4); changes > 0; changes--) Change(input);
    return input;
  }

 private:
  size_t Below(size_t end) { return std::uniform_int_distribution<size_t>(0, end - 1)(random_); }

  void Change(Input& input) {
    constexpr uint8_t kEdges[] = {0x00, 0x01, 0x03, 0x04, 0x7f, 0x80, 0xff};
    const size_t at = input.empty() ? 0 : Below(input.size());
    const auto here = input.begin() + static_cast<ptrdiff_t>(at);
    const auto there = here + static_cast<ptrdiff_t>(Below(static_cast<size_t>(input.end() - here) + 1));
    switch (Below(5)) {
      case 0: /* one bit */
        if (!input.empty()) *here ^= static_cast<uint8_t>(1u << Below(8));
        break;
      case 1: /* one byte, to where lengths and numbers turn over */
        if (!input.empty()) *here = kEdges[Below(std::size(kEdges))];
        break;
      case 2: input.erase(here, there); break;
      case 3: { /* the same again */
        const Input part(here, there);
        input.insert(here, part.begin(), part.end());
        break;
      }
      case 4: { /* the tail of another */
        const Input& other = kept_[Below(kept_.size())];
        input.erase(here, input.end());
        const size_t from = Below(other.size() + 1);
        input.insert(input.end(), other.begin() + static_cast<ptrdiff_t>(from), other.end());
        break;
      }
    }
  }

  const std::vector<Input>& kept_;
  std::mt19937_64 random_;
};

}  // namespace

int main(int count, char** words) {
  if (count < 2) return std::fprintf(stderr, "usage: %s FOLDER [MUTATIONS [SEED]]\n", words[0]), 2;
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_set_death_callback(PrintInput);
#endif
  std::signal(SIGABRT, [](int) { PrintInput(); });

  const std::vector<Input> kept = ReadAll(words[1]);
  if (kept.empty()) return std::fprintf(stderr, "no inputs in %s\n", words[1]), 2;
  for (const Input& input : kept) Play(input);

  const uint64_t mutations = count > 2 ? std::stoull(words[2]) : 0;
  const uint64_t seed = count > 3 ? std::stoull(words[3]) : std::random_device{}();
  std::printf("%zu kept inputs, %llu mutations, seed %llu\n", kept.size(), static_cast<unsigned long long>(mutations),
              static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  Mutator mutator(kept, seed);
  for (uint64_t i = 0; i < mutations; i++) Play(mutator.Next());
}
