// cache/ghost.h - remembers which keys left the cache unused, by sixteen bits each.
//
// Threads:    the holder of the stripe's claim only.
// Invariants: each set keeps its last kGhostsPerSet keys; a lookup errs with a probability of 15 /
// 2^16,
//             and then a new entry starts in the main queue: a worse choice, never a wrong answer.
// Ownership:  a view of memory of the table.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace zonesweep::cache {

namespace limits {
inline constexpr uint32_t kGhostsPerSet = 15;
}

struct GhostSet {
  std::array<uint16_t, limits::kGhostsPerSet> keys;  // 0: none
  uint16_t next;
};
static_assert(sizeof(GhostSet) == 32);

class Ghost {
 public:
  explicit Ghost(std::span<GhostSet> sets) noexcept : sets_(sets) {}

  void prefetch(uint32_t place) noexcept { __builtin_prefetch(&set_of(place), 1); }
  // `place` spreads over the sets (32 bits), `tag` tells the keys of a set apart.
  void insert(uint32_t place, uint32_t tag) noexcept {
    GhostSet& set = set_of(place);
    set.keys[set.next] = print_of(tag);
    set.next = static_cast<uint16_t>(set.next + 1U == limits::kGhostsPerSet ? 0 : set.next + 1U);
  }

  // True, and forgotten, if it was there.
  [[nodiscard]] bool take(uint32_t place, uint32_t tag) noexcept {
    for (uint16_t& key : set_of(place).keys) {
      if (key != print_of(tag)) continue;
      key = 0;
      return true;
    }
    return false;
  }

 private:
  [[nodiscard]] static uint16_t print_of(uint32_t tag) noexcept {
    const auto print = static_cast<uint16_t>(tag);
    return print == 0 ? uint16_t{1} : print;
  }
  [[nodiscard]] GhostSet& set_of(uint32_t place) noexcept { return sets_[place % sets_.size()]; }

  std::span<GhostSet> sets_;
};

}  // namespace zonesweep::cache
