// Runs a fuzz target without libFuzzer: first every seed of its corpus, then seeded mutations of
// them.
//
// Links with any *_fuzz.cc and any compiler; the sanitizers of the preset do the judging. The same
// seed and number of runs give the same inputs. ZONESWEEP_FUZZ_RUNS (default limits::kRuns) and
// ZONESWEEP_FUZZ_SEED (default 1) widen a run; ZONESWEEP_FUZZ_INPUT=FILE runs that file alone. With
// ZONESWEEP_FUZZ_KEEP=1 the input that crashed is left in ./crash-input.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

namespace limits {
constexpr uint64_t kRuns = 200'000;     // about a second under the sanitizers, for a fast parser
constexpr std::clock_t kSeconds = 8;    // of CPU time; then a slow one has had its share
constexpr size_t kInputBytes = 70'000;  // a DNS message on a stream, and some
constexpr size_t kMutations = 6;        // of one input, at most
}  // namespace limits

using Input = std::vector<uint8_t>;

uint64_t number_from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

Input read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<Input> read_corpus() {
  std::vector<std::filesystem::path> paths;
  if (std::filesystem::is_directory(ZONESWEEP_CORPUS)) {
    for (const auto& entry : std::filesystem::directory_iterator(ZONESWEEP_CORPUS)) {
      if (entry.is_regular_file()) paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Input> seeds;
  for (const auto& path : paths) seeds.push_back(read_file(path));
  return seeds;
}

class Mutator {
 public:
  Mutator(std::vector<Input> seeds, uint64_t seed) : seeds_(std::move(seeds)), random_(seed) {
    if (seeds_.empty()) seeds_.emplace_back();
  }

  Input next() {
    Input input = seeds_[below(seeds_.size())];
    for (size_t left = 1 + below(limits::kMutations); left != 0; --left) mutate(input);
    if (input.size() > limits::kInputBytes) input.resize(limits::kInputBytes);
    return input;
  }

 private:
  size_t below(size_t bound) { return bound == 0 ? 0 : random_() % bound; }

  uint8_t interesting() {
    static constexpr std::array<uint8_t, 12> kOctets = {0,    1,    0x0C, 0x3F, 0x40, 0x7F,
                                                        0x80, 0xC0, 0xFF, '\\', '.',  '"'};
    return below(2) == 0 ? kOctets[below(kOctets.size())] : static_cast<uint8_t>(random_());
  }

  void mutate(Input& input) {
    const auto at = [&](size_t offset) { return input.begin() + static_cast<ptrdiff_t>(offset); };
    const size_t place = below(input.size() + 1);
    const size_t rest = input.size() - place;
    switch (below(7)) {
      case 0:
        if (rest != 0) input[place] = interesting();
        break;
      case 1:
        if (rest != 0) input[place] = static_cast<uint8_t>(input[place] ^ 1u << below(8));
        break;
      case 2: input.insert(at(place), interesting()); break;
      case 3: input.erase(at(place), at(place + below(std::min<size_t>(rest, 16) + 1))); break;
      case 4: input.resize(place); break;
      case 5: {  // repeat a piece
        const Input piece(at(place), at(place + below(std::min<size_t>(rest, 64) + 1)));
        input.insert(at(below(input.size() + 1)), piece.begin(), piece.end());
        break;
      }
      default: {  // splice another seed in
        const Input& other = seeds_[below(seeds_.size())];
        const size_t from = below(other.size() + 1);
        input.resize(place);
        input.insert(input.end(), other.begin() + static_cast<ptrdiff_t>(from), other.end());
      }
    }
  }

  std::vector<Input> seeds_;
  std::mt19937_64 random_;
};

// A crash ends the process: the input is kept before it is run, and taken away after.
class CrashFile {
 public:
  ~CrashFile() { std::filesystem::remove(kPath); }
  void run(const Input& input) {
    if (number_from_environment("ZONESWEEP_FUZZ_KEEP", 0) != 0) {
      std::ofstream(kPath, std::ios::binary)
          .write(reinterpret_cast<const char*>(input.data()),
                 static_cast<std::streamsize>(input.size()));
    }
    // An exact allocation, so that a read one octet behind it is seen.
    const auto copy = std::make_unique<uint8_t[]>(input.size());
    std::copy(input.begin(), input.end(), copy.get());
    LLVMFuzzerTestOneInput(copy.get(), input.size());
  }

 private:
  static constexpr const char* kPath = "crash-input";
};

TEST(Replay, survives_every_seed) {
  CrashFile runner;
  if (const char* path = std::getenv("ZONESWEEP_FUZZ_INPUT")) return runner.run(read_file(path));
  for (const Input& input : read_corpus()) runner.run(input);
  runner.run({});
}

TEST(Replay, survives_mutations_of_the_seeds) {
  if (std::getenv("ZONESWEEP_FUZZ_INPUT") != nullptr) GTEST_SKIP() << "one input was asked for";
  CrashFile runner;
  Mutator mutator{read_corpus(), number_from_environment("ZONESWEEP_FUZZ_SEED", 1)};
  const bool asked = std::getenv("ZONESWEEP_FUZZ_RUNS") != nullptr;
  const uint64_t runs = number_from_environment("ZONESWEEP_FUZZ_RUNS", limits::kRuns);
  const std::clock_t end = std::clock() + limits::kSeconds * CLOCKS_PER_SEC;
  uint64_t done = 0;
  while (done < runs && (asked || std::clock() < end)) {
    runner.run(mutator.next());
    ++done;
  }
  std::printf("%llu mutations\n", static_cast<unsigned long long>(done));
}

}  // namespace
