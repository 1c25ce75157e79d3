#include "engine/message_ids.h"

#include <sys/random.h>

#include <cassert>
#include <cerrno>
#include <cstddef>

namespace zonesweep::engine {
namespace {

// getrandom() cannot fail once the kernel has booted, but it may be interrupted or come up short.
void fill_random(void* out, size_t size) {
  auto* at = static_cast<std::byte*>(out);
  while (size > 0) {
    const ssize_t got = getrandom(at, size, 0);
    if (got < 0) {
      assert(errno == EINTR);
      continue;
    }
    at += got;
    size -= static_cast<size_t>(got);
  }
}

}  // namespace

void RandomIds::refill() {
  at_ = 0;
  if (seed_ == 0) return fill_random(ids_.data(), sizeof(ids_));
  for (uint16_t& id : ids_) {  // splitmix64
    uint64_t z = seed_ += 0x9E3779B97F4A7C15U;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
    z = (z ^ z >> 27) * 0x94D049BB133111EBU;
    id = static_cast<uint16_t>(z >> 48);
  }
}

std::optional<uint16_t> IdTable::claim(uint32_t slot, RandomIds& random) {
  for (uint32_t draw = 0; draw < limits::kIdDraws; ++draw) {
    const uint16_t id = random.next();
    if (slots_[place(id)] != kFree) continue;
    slots_[place(id)] = slot;
    return id;
  }
  return std::nullopt;
}

uint64_t random_u64() {
  uint64_t value = 0;
  fill_random(&value, sizeof(value));
  return value;
}

}  // namespace zonesweep::engine
