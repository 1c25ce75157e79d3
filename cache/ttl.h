// cache/ttl.h - how long an answer may be kept.
//
// Threads: pure functions. Units: seconds. 0 means: not at all.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace zonesweep::cache {

namespace limits {
inline constexpr uint32_t kTtlMax = 86'400;          // FAULTS D30: 0 to 1 day
inline constexpr uint32_t kNegativeTtlMax = 10'800;  // RFC 2308 section 5: one to three hours
inline constexpr uint32_t kFailureTtlMin = 5;        // RFC 9520 section 3.2: 5 seconds to 5 minutes
inline constexpr uint32_t kFailureTtlMax = 300;
}  // namespace limits

// `ttl` is the least TTL of the records that make the answer.
[[nodiscard]] constexpr uint32_t positive_ttl(uint32_t ttl) noexcept {
  return std::min(ttl, limits::kTtlMax);
}

// RFC 2308 section 5: a negative answer lives as long as the lesser of its SOA's TTL and minimum field;
// without an SOA it is not kept. `chain` is the least TTL of the CNAMEs that led to it, if any did.
[[nodiscard]] constexpr uint32_t negative_ttl(std::optional<uint32_t> soa,
                                              std::optional<uint32_t> chain = {}) noexcept {
  if (!soa) return 0;
  const uint32_t ttl = std::min(*soa, limits::kNegativeTtlMax);
  return chain ? std::min(ttl, *chain) : ttl;
}

// RFC 9520: a resolution failure is kept for a moment, doubled with each failure in a row, and only in
// memory. `failures` counts this one.
[[nodiscard]] constexpr uint32_t failure_ttl(uint32_t failures) noexcept {
  const uint32_t doublings = std::min(failures == 0 ? 0 : failures - 1, 6U);
  return std::min(limits::kFailureTtlMin << doublings, limits::kFailureTtlMax);
}

}  // namespace zonesweep::cache
