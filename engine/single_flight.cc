#include "engine/single_flight.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <bit>
#include <cassert>

namespace zonesweep::engine {

SingleFlight::SingleFlight(uint32_t questions, uint64_t seed)
    : entries_(std::bit_ceil(size_t{questions} * 2 + 2)), seed_(seed) {}

uint64_t SingleFlight::hash(dns::WireName name, uint16_t type) const noexcept {
  std::array<std::byte, dns::limits::kNameBytes> lower;
  for (size_t i = 0; i < name.size(); ++i) lower[i] = dns::to_lower(name[i]);
  return XXH3_64bits_withSeed(lower.data(), name.size(), seed_ ^ type);
}

void SingleFlight::insert(uint64_t hash, uint32_t slot) {
  size_t at = place(hash);
  while (entries_[at].slot != kNone) at = next(at);
  entries_[at] = {tag(hash), slot};
}

void SingleFlight::erase(uint64_t hash, uint32_t slot) {
  size_t hole = place(hash);
  while (entries_[hole].slot != slot) {
    assert(entries_[hole].slot != kNone);
    hole = next(hole);
  }
  // Close the gap, so that probing never needs tombstones: an entry moves back into the hole unless
  // its own place lies between the hole and where it stands.
  const size_t mask = entries_.size() - 1;
  for (size_t at = next(hole); entries_[at].slot != kNone; at = next(at)) {
    const size_t home = entries_[at].tag & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    entries_[hole] = entries_[at];
    hole = at;
  }
  entries_[hole] = {};
}

}  // namespace zonesweep::engine
