#include "cache/key.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

namespace zonesweep::cache {

bool Key::assign(const Question& question, uint64_t seed) noexcept {
  const size_t length = question.name.size();
  if (length > limits::kKeyNameBytes) return false;
  words_[0] = uint64_t{question.options} << 32 | uint64_t{question.type} << 16 |
              uint64_t{static_cast<uint8_t>(question.protocol)} << 10 | length;
  size_ = words_of(words_[0]);
  words_[size_ - 1] = length == 0 ? words_[0] : 0;  // pads the last word of a name
  std::memcpy(words_.data() + 1, question.name.data(), length);
  for (uint32_t i = 1; i < size_; ++i) words_[i] = lower_case(words_[i]);
  hash_ = XXH3_64bits_withSeed(words_.data(), size_ * sizeof(uint64_t), seed);
  return true;
}

std::span<const std::byte> Key::name() const noexcept {
  return std::as_bytes(std::span(words_)).subspan(8, words_[0] & kLengthMask);
}

}  // namespace zonesweep::cache
