// engine/latency.h - a mergeable log-linear histogram of round-trip times.
//
// 16 buckets per power of two: a percentile is at most 6.25 % above the truth.
//
// Threads: one writer; copy it to share it. Units: microseconds.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace zonesweep::engine {

class LatencyHistogram {
 public:
  void record(uint32_t us) noexcept { counts_[bucket(us)]++; }
  void merge(const LatencyHistogram& other) noexcept {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  }
  [[nodiscard]] uint64_t count() const noexcept {
    uint64_t sum = 0;
    for (const uint64_t n : counts_) sum += n;
    return sum;
  }
  // The upper bound of the bucket in which the share lies (0.5 = median); 0 when empty.
  [[nodiscard]] uint32_t percentile(double share) const noexcept {
    const uint64_t all = count();
    if (all == 0) return 0;
    const auto rank = static_cast<uint64_t>(share * static_cast<double>(all - 1));
    uint64_t seen = 0;
    for (uint32_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > rank) return upper(i);
    }
    return UINT32_MAX;
  }

 private:
  static constexpr uint32_t kLinear = 16;                       // per power of two
  static constexpr uint32_t kBuckets = kLinear * (32 - 4 + 1);  // 0 .. 2^32 us = 71 minutes

  static constexpr uint32_t bucket(uint32_t us) noexcept {
    if (us < kLinear) return us;
    const uint32_t shift = static_cast<uint32_t>(std::bit_width(us)) - 5;  // leaves 16..31
    return (shift + 1) * kLinear + (us >> shift) - kLinear;
  }
  static constexpr uint32_t upper(uint32_t index) noexcept {
    if (index < kLinear) return index;
    const uint32_t shift = index / kLinear - 1;
    const uint64_t low = uint64_t{kLinear + index % kLinear} << shift;
    return static_cast<uint32_t>(low + (uint64_t{1} << shift) - 1);
  }

  std::array<uint64_t, kBuckets> counts_{};
};

}  // namespace zonesweep::engine
