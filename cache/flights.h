// cache/flights.h - which questions are being asked right now, by any lane.
//
// Threads:    any lane, at any time; lock-free: one compare-and-swap per claim and release.
// Invariants: (1) of two lanes that claim the same hash, one at a time has it; (2) a lane that was refused
//             may have met another question with the same 16 bits of hash: it waits for that one, and
//             then looks again. That is a delay, never another's answer: answers come from the table,
//             which compares whole keys.
// Ownership:  whoever claimed releases, after the answer is in the table.
// Errors:     a full bucket refuses to take note: `untracked`, and the question is asked all the same.
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
      : buckets_(std::bit_ceil(uint64_t{in_flight_max} * kBucketsPerFlight + 1)),
        words_(std::make_unique<std::atomic<uint64_t>[]>(buckets_)) {}

  [[nodiscard]] Claim claim(uint64_t hash) noexcept {
    std::atomic<uint64_t>& word = word_of(hash);
    uint64_t seen = word.load(std::memory_order_acquire);
    while (true) {
      uint32_t shift = kNoPlace;
      for (uint32_t at = 0; at < 64; at += 16) {
        const auto there = static_cast<uint16_t>(seen >> at);
        if (there == print_of(hash)) return Claim::taken;
        if (there == 0) shift = at;
      }
      if (shift == kNoPlace) return Claim::untracked;
      const uint64_t with = seen | uint64_t{print_of(hash)} << shift;
      if (word.compare_exchange_weak(seen, with, std::memory_order_acq_rel)) return Claim::mine;
    }
  }

  void release(uint64_t hash) noexcept {
    std::atomic<uint64_t>& word = word_of(hash);
    uint64_t seen = word.load(std::memory_order_relaxed);
    uint64_t without = 0;
    do {
      without = seen;
      for (uint32_t at = 0; at < 64; at += 16)
        if (static_cast<uint16_t>(seen >> at) == print_of(hash))
          without &= ~(uint64_t{0xffff} << at);
    } while (!word.compare_exchange_weak(seen, without, std::memory_order_acq_rel));
  }

 private:
  static constexpr uint32_t kBucketsPerFlight = 2;  // four places each: one in 5,000 finds none
  static constexpr uint32_t kNoPlace = UINT32_MAX;

  [[nodiscard]] static uint16_t print_of(uint64_t hash) noexcept {
    const auto print = static_cast<uint16_t>(hash >> 48);
    return print == 0 ? uint16_t{1} : print;
  }
  [[nodiscard]] std::atomic<uint64_t>& word_of(uint64_t hash) const noexcept {
    return words_[hash & (buckets_ - 1)];
  }

  uint64_t buckets_;  // a power of two
  std::unique_ptr<std::atomic<uint64_t>[]> words_;
};

}  // namespace zonesweep::cache
