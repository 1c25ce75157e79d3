// io/timers.h - a hierarchical timer wheel over intrusive links.
//
// Threads:    one lane.
// Invariants: (1) arm, disarm and re-arm are O(1) and allocate nothing; (2) a timer fires at or
//             after its instant, never before, and at most kTick late relative to the instant given
//             to expire().
// Ownership:  the caller numbers the timers (its slab's indices); the wheel holds their links.
// Units:      ticks of kTick.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "io/transport.h"

namespace zonesweep::io {

class TimerWheel {
 public:
  static constexpr Duration kTick = std::chrono::milliseconds{1};
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Link {
    uint32_t next = kNone;
    uint32_t previous = kNone;
    uint64_t tick = 0;
    uint32_t bucket = kNone;  // kNone while not armed
  };

  // `slots` timers, numbered from 0.
  TimerWheel(uint32_t slots, Instant start);

  void arm(uint32_t slot, Instant when);  // re-arms if it is armed
  void disarm(uint32_t slot) noexcept;    // harmless if it is not armed
  [[nodiscard]] bool armed(uint32_t slot) const noexcept;

  // Moves time to `now` (never back) and appends the slots that are due, disarmed, to `due`: in the
  // order of their ticks, in any order within one.
  void expire(Instant now, std::vector<uint32_t>& due);

  // No armed timer is due before this instant; `limit` if none is armed before it. A lower bound:
  // it may name an instant at which nothing fires.
  [[nodiscard]] Instant next(Instant limit) const noexcept;

 private:
  static constexpr uint32_t kBits = 8;  // 256 buckets a level; 4 levels of 1 ms ticks span 49 days
  static constexpr uint32_t kBuckets = 1U << kBits;
  static constexpr uint32_t kLevels = 4;

  void insert(uint32_t slot);
  void remove(uint32_t slot) noexcept;
  void cascade(uint32_t level, std::vector<uint32_t>& due);
  [[nodiscard]] std::optional<uint32_t> first_occupied(uint32_t level) const noexcept;
  [[nodiscard]] std::optional<uint64_t> next_tick() const noexcept;

  std::vector<Link> links_;
  std::array<uint32_t, kBuckets * kLevels> heads_;
  std::array<std::array<uint64_t, kBuckets / 64>, kLevels> occupied_{};
  Instant start_;
  uint64_t now_tick_ = 0;
};

}  // namespace zonesweep::io
