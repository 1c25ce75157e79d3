#include "protocols/zone/scan.h"

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace zonesweep::zone {
namespace {

uint8_t class_of(const Classes& classes, unsigned char byte) noexcept {
  return classes.low[byte & 15] & classes.high[byte >> 4];
}

#if defined(__x86_64__)
struct Half {
  uint32_t newline, blank, special, dot;
};

__attribute__((target("avx2"))) inline uint32_t has(__m256i classes, __m256i bits) {
  const __m256i none = _mm256_cmpeq_epi8(_mm256_and_si256(classes, bits), _mm256_setzero_si256());
  return ~static_cast<uint32_t>(_mm256_movemask_epi8(none));
}

struct Tables {
  __m256i low, high, newline, blank, special;
};

__attribute__((target("avx2"))) inline Half half(const char* text, const Tables& t) {
  const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text));
  const __m256i nibble = _mm256_set1_epi8(15);
  const __m256i low = _mm256_shuffle_epi8(t.low, _mm256_and_si256(bytes, nibble));
  const __m256i high =
      _mm256_shuffle_epi8(t.high, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble));
  const __m256i classes = _mm256_and_si256(low, high);
  const __m256i dots = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('.'));
  return {has(classes, t.newline), has(classes, t.blank), has(classes, t.special),
          static_cast<uint32_t>(_mm256_movemask_epi8(dots))};
}

__attribute__((target("avx2"))) inline __m256i twice(const std::array<uint8_t, 16>& table) {
  return _mm256_broadcastsi128_si256(
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data())));
}

__attribute__((target("avx2"))) inline __m256i splat(uint8_t byte) {
  return _mm256_set1_epi8(static_cast<char>(byte));
}

__attribute__((target("avx2"))) void classify_avx2(const char* text, size_t blocks,
                                                   const Classes& classes, Masks* out) {
  const Tables tables{twice(classes.low), twice(classes.high), splat(classes.newline),
                      splat(classes.blank), splat(classes.ordinary_or_special)};
  const uint64_t flip = classes.rest_is_special ? ~uint64_t{0} : 0;
  const auto join = [](uint32_t a, uint32_t b) { return a | uint64_t{b} << 32; };
  for (size_t i = 0; i < blocks; ++i) {
    const Half a = half(text + 64 * i, tables);
    const Half b = half(text + 64 * i + 32, tables);
    out[i] = {join(a.newline, b.newline), join(a.blank, b.blank), join(a.special, b.special) ^ flip,
              join(a.dot, b.dot)};
  }
}
#endif

}  // namespace

void classify_portable(const char* text, size_t blocks, const Classes& classes, Masks* out) {
  for (size_t i = 0; i < blocks; ++i) {
    Masks masks;
    for (unsigned k = 0; k < 64; ++k) {
      const auto byte = static_cast<unsigned char>(text[64 * i + k]);
      const uint8_t bits = class_of(classes, byte);
      masks.newline |= uint64_t{(bits & classes.newline) != 0} << k;
      masks.blank |= uint64_t{(bits & classes.blank) != 0} << k;
      const bool special = ((bits & classes.ordinary_or_special) != 0) != classes.rest_is_special;
      masks.special |= uint64_t{special} << k;
      masks.dot |= uint64_t{byte == '.'} << k;
    }
    out[i] = masks;
  }
}

Classify best_classify() noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return classify_avx2;
#endif
  return classify_portable;
}

void MaskWindow::load(const char* at, const char* end) {
  const size_t blocks = std::min(kBlocks, (static_cast<size_t>(end - at) + 63) / 64);
  classify_(at, blocks, classes_, masks_.data());
  masks_[blocks] = masks_[blocks + 1] = {};
  base_ = at;
  known_ = at + blocks * 64;
}

const char* MaskWindow::plain_line_end(const char* at) const noexcept {
  const auto offset = static_cast<size_t>(at - base_);
  const auto known = static_cast<size_t>(known_ - base_) / 64;
  uint64_t keep = ~uint64_t{0} << (offset & 63);
  for (size_t i = offset >> 6; i < known; ++i, keep = ~uint64_t{0}) {
    const uint64_t newline = masks_[i].newline & keep;
    const uint64_t special = masks_[i].special & keep;
    if ((newline | special) == 0) continue;
    const auto first = static_cast<unsigned>(std::countr_zero(newline | special));
    return (newline >> first & 1) != 0 ? base_ + 64 * i + first : nullptr;
  }
  return nullptr;
}

}  // namespace zonesweep::zone
