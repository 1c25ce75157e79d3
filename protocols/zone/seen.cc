#include "protocols/zone/seen.h"

#include <cstdlib>

namespace zonesweep::zone {

Seen::Seen() : memory_(std::calloc(limits::kSeenBuckets + 1, sizeof(Bucket))) {
  if (!memory_) std::abort();  // as where operator new fails: there is no run without this memory
  constexpr uintptr_t line = 64;
  static_assert(sizeof(Bucket) == line);
  const auto address = reinterpret_cast<uintptr_t>(memory_.get());
  table_ = reinterpret_cast<Bucket*>((address + line - 1) / line * line);
}

}  // namespace zonesweep::zone
