#include "protocols/zone/seen.h"

#include <bit>
#include <cassert>
#include <cstdlib>

namespace zonesweep::zone {

Seen::Seen(size_t buckets) : mask_(buckets - 1), memory_(std::calloc(buckets + 1, sizeof(Bucket))) {
  assert(std::has_single_bit(buckets));
  if (!memory_) std::abort();  // as where operator new fails: there is no run without this memory
  constexpr uintptr_t line = 64;
  static_assert(sizeof(Bucket) == line);
  const auto address = reinterpret_cast<uintptr_t>(memory_.get());
  table_ = reinterpret_cast<Bucket*>((address + line - 1) / line * line);
}

}  // namespace zonesweep::zone
