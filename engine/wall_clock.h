// engine/wall_clock.h - the time of day. Lanes read it once per turn.
//
// Units: microseconds since the Unix epoch, UTC.
#pragma once

#include <chrono>
#include <cstdint>

namespace zonesweep::engine {

[[nodiscard]] inline int64_t wall_clock_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

}  // namespace zonesweep::engine
