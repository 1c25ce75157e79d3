#include "protocols/zone/seen.h"

#include <new>

namespace zonesweep::zone {

Seen::Seen() : memory_(std::calloc(limits::kSeenBuckets + 1, sizeof(Bucket))) {
  if (!memory_) throw std::bad_alloc();
  constexpr uintptr_t line = 64;
  static_assert(sizeof(Bucket) == line);
  const auto address = reinterpret_cast<uintptr_t>(memory_.get());
  table_ = reinterpret_cast<Bucket*>((address + line - 1) / line * line);
}

}  // namespace zonesweep::zone
