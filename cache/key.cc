#include "cache/key.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstring>

namespace zonesweep::cache {

namespace {

uint64_t load_word(const std::byte* from) {
  uint64_t word = 0;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

// The `n` (1 to 8) bytes that end at `end`, of a name that has `length` bytes in all.
uint64_t last_word(const std::byte* end, size_t n, size_t length) {
  if (length >= sizeof(uint64_t)) return load_word(end - sizeof(uint64_t)) >> (64 - 8 * n);
  uint64_t word = 0;
  std::memcpy(&word, end - n, n);
  return word;
}

}  // namespace

bool Key::assign(const Question& question, uint64_t seed) noexcept {
  const size_t length = question.name.size();
  if (length > limits::kKeyNameBytes) return false;
  words_[0] = uint64_t{question.options} << 32 | uint64_t{question.type} << 16 |
              uint64_t{static_cast<uint8_t>(question.protocol)} << 10 | length;
  size_ = 1;
  const std::byte* from = question.name.data();
  for (size_t left = length; left > 0;) {
    const size_t n = std::min(left, sizeof(uint64_t));
    const uint64_t word = n == sizeof(uint64_t) ? load_word(from) : last_word(from + n, n, length);
    words_[size_++] = lower_case(word);
    from += n;
    left -= n;
  }
  hash_ = XXH3_64bits_withSeed(words_.data(), size_ * sizeof(uint64_t), seed);
  return true;
}

std::span<const std::byte> Key::name() const noexcept {
  return std::as_bytes(std::span(words_)).subspan(8, words_[0] & kLengthMask);
}

}  // namespace zonesweep::cache
