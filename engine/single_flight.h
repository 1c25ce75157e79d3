// engine/single_flight.h - which questions are being asked right now, by name and type.
//
// Equal questions are asked once: the second waits for the first (fewer queries, and no gift to
// those who guess ids, RFC 5452 section 5).
//
// Threads:    one lane.
// Invariants: at most one slot per (name, type), names compared without case; fixed memory.
// Ownership:  slots are the caller's; it compares names through the predicate it passes.
#pragma once

#include <cstdint>
#include <vector>

#include "protocols/dns/name.h"

namespace zonesweep::engine {

class SingleFlight {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  SingleFlight(uint32_t questions, uint64_t seed);

  [[nodiscard]] uint64_t hash(dns::WireName name, uint16_t type) const noexcept;

  // The slot that asks the same already, or kNone. `same(slot)` compares name and type.
  template <typename Same>
  [[nodiscard]] uint32_t find(uint64_t hash, Same same) const {
    for (size_t at = place(hash); entries_[at].slot != kNone; at = next(at)) {
      if (entries_[at].tag == tag(hash) && same(entries_[at].slot)) return entries_[at].slot;
    }
    return kNone;
  }
  void insert(uint64_t hash, uint32_t slot);
  void erase(uint64_t hash, uint32_t slot);

 private:
  struct Entry {
    uint32_t tag = 0;
    uint32_t slot = kNone;
  };
  [[nodiscard]] static uint32_t tag(uint64_t hash) noexcept { return static_cast<uint32_t>(hash); }
  // Only the tag is stored, so the place must follow from it alone.
  [[nodiscard]] size_t place(uint64_t hash) const noexcept {
    return tag(hash) & (entries_.size() - 1);
  }
  [[nodiscard]] size_t next(size_t at) const noexcept { return (at + 1) & (entries_.size() - 1); }

  std::vector<Entry> entries_;  // power of two, at most half full; linear probing
  uint64_t seed_;
};

}  // namespace zonesweep::engine
