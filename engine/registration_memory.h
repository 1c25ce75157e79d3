// engine/registration_memory.h - what a resume must know of the backends: how long they are to be
// left alone, and how much of a quota is used.
//
// Threads:    value types and pure functions.
// Invariants: parse() takes only what format() wrote; the text ends in its own checksum.
// Units:      Unix time in seconds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/limiter.h"

namespace zonesweep::engine {

struct BackendMemory {
  std::string id;
  int64_t until = 0;  // 0: it may be asked
  Limiter::Trouble trouble = Limiter::Trouble::none;
  std::vector<int64_t> quota;  // when the exchanges that count against it began
};

[[nodiscard]] std::string format(const std::vector<BackendMemory>& backends);
// Empty for a text that is damaged or of another version: then nothing is remembered.
[[nodiscard]] std::vector<BackendMemory> parse_registration_memory(std::string_view text);

}  // namespace zonesweep::engine
