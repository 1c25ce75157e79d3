// cache/flights.h - which questions are being asked right now, by any lane.
//
// Threads:    any lane, at any time; lock-free: one compare-and-swap per claim and release.
// Invariants: (1) of two lanes that claim the same hash, one at a time has it; (2) a lane that was refused
//             may have met another question with the same 16 bits of hash: it waits for that one, and
//             then looks again. That is a delay, never another's answer: answers come from the table,
//             which compares whole keys.
// Ownership:  whoever claimed releases, after the answer is in the table.
// Errors:     where two neighbouring buckets are full (one in ten million), none takes note: `untracked`,
//             and the question is asked all the same.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>

namespace zonesweep::cache {

class Flights {
 public:
  enum class Claim : uint8_t { mine, taken, untracked };

  explicit Flights(uint32_t in_flight_max)
      : buckets_(std::bit_ceil(uint64_t{in_flight_max} * kBucketsPerFlight + 2)),
        words_(std::make_unique<std::atomic<uint64_t>[]>(buckets_)) {}

  [[nodiscard]] Claim claim(uint64_t hash) noexcept {
    const uint16_t print = print_of(hash);
    std::atomic<uint64_t>& home = word_of(hash, 0);
    std::atomic<uint64_t>& next_door = word_of(hash, 1);
    uint64_t seen = home.load(std::memory_order_acquire);
    while (true) {
      if (has(seen, print) || has(next_door.load(std::memory_order_acquire), print))
        return Claim::taken;
      const uint32_t at = place_in(seen);
      if (at == kNoPlace) break;
      if (home.compare_exchange_weak(seen, seen | uint64_t{print} << at, std::memory_order_acq_rel))
        return Claim::mine;
    }
    seen = next_door.load(std::memory_order_acquire);
    while (true) {
      if (has(seen, print)) return Claim::taken;
      const uint32_t at = place_in(seen);
      if (at == kNoPlace) return Claim::untracked;
      if (next_door.compare_exchange_weak(seen, seen | uint64_t{print} << at,
                                          std::memory_order_acq_rel))
        return Claim::mine;
    }
  }

  void release(uint64_t hash) noexcept {
    for (const uint64_t door : {0, 1}) {
      std::atomic<uint64_t>& word = word_of(hash, door);
      uint64_t seen = word.load(std::memory_order_relaxed);
      while (has(seen, print_of(hash))) {
        if (word.compare_exchange_weak(seen, without(seen, print_of(hash)),
                                       std::memory_order_acq_rel))
          return;
      }
    }
  }

 private:
  static constexpr uint32_t kBucketsPerFlight = 2;  // four places each
  static constexpr uint32_t kNoPlace = UINT32_MAX;

  [[nodiscard]] static bool has(uint64_t word, uint16_t print) noexcept {
    for (uint32_t at = 0; at < 64; at += 16)
      if (static_cast<uint16_t>(word >> at) == print) return true;
    return false;
  }
  [[nodiscard]] static uint32_t place_in(uint64_t word) noexcept {
    for (uint32_t at = 0; at < 64; at += 16)
      if (static_cast<uint16_t>(word >> at) == 0) return at;
    return kNoPlace;
  }
  [[nodiscard]] static uint64_t without(uint64_t word, uint16_t print) noexcept {
    for (uint32_t at = 0; at < 64; at += 16)
      if (static_cast<uint16_t>(word >> at) == print) return word & ~(uint64_t{0xffff} << at);
    return word;
  }
  [[nodiscard]] static uint16_t print_of(uint64_t hash) noexcept {
    const auto print = static_cast<uint16_t>(hash >> 48);
    return print == 0 ? uint16_t{1} : print;
  }
  [[nodiscard]] std::atomic<uint64_t>& word_of(uint64_t hash, uint64_t door) const noexcept {
    return words_[(hash & (buckets_ - 1)) ^ door];
  }

  uint64_t buckets_;  // a power of two
  std::unique_ptr<std::atomic<uint64_t>[]> words_;
};

}  // namespace zonesweep::cache
