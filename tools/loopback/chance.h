// tools/loopback/chance.h - the only source of chance: one seed, one run.
//
// SplitMix64: small, no state worth hiding, and the same on every standard library.
//
// Threads: one.
#pragma once

#include <chrono>
#include <cstdint>

namespace zonesweep::loopback {

class Chance {
 public:
  explicit Chance(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }

  // In [0, 1).
  double unit() { return static_cast<double>(next() >> 11U) * 0x1p-53; }
  // Draws only where the outcome is open, so that turning a fault off leaves the rest of the run
  // alone.
  bool with(double probability) { return probability > 0 && unit() < probability; }
  // In [0, bound); 0 if bound is 0.
  uint64_t below(uint64_t bound) { return bound == 0 ? 0 : next() % bound; }

  std::chrono::nanoseconds up_to(std::chrono::nanoseconds longest) {
    return std::chrono::nanoseconds{
        static_cast<int64_t>(below(static_cast<uint64_t>(longest.count())))};
  }

 private:
  uint64_t state_;
};

}  // namespace zonesweep::loopback
