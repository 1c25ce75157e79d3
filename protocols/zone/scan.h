// protocols/zone/scan.h - finds line ends, blanks and other interesting bytes, 64 at a time.
//
// A byte's class is the AND of two table entries, one for each of its halves. Eight class bits are
// enough to tell the few bytes apart that a format cares about. AVX2 is used where the CPU has it.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zonesweep::zone {

struct Classes {
  alignas(16) std::array<uint8_t, 16> low;   // by the low half of a byte
  alignas(16) std::array<uint8_t, 16> high;  // by the high half
  uint8_t newline;                           // class bits
  uint8_t blank;
  uint8_t ordinary_or_special;  // bits of the special bytes; with `rest_is_special`: of the
                                // ordinary ones
  bool rest_is_special;
};

struct Masks {  // bit i stands for byte i
  uint64_t newline = 0;
  uint64_t blank = 0;    // space, TAB, CR
  uint64_t special = 0;  // must be looked at one by one
  uint64_t dot = 0;
};

using Classify = void (*)(const char* text, size_t blocks, const Classes& classes, Masks* out);

// The fastest that this CPU has. Reads blocks * 64 bytes.
[[nodiscard]] Classify best_classify() noexcept;
void classify_portable(const char* text, size_t blocks, const Classes& classes, Masks* out);

// Bits below position n, n in 0..63.
[[nodiscard]] constexpr uint64_t below(unsigned n) noexcept { return (uint64_t{1} << n) - 1; }

// The masks of a stretch of text, and a 64-byte view of them at any byte.
class MaskWindow {
 public:
  MaskWindow(const Classes& classes, Classify classify) : classes_(classes), classify_(classify) {}

  // Follows the text to `at`; the masks then hold up to at + 64 or `end`, whichever is first.
  void seek(const char* at, const char* end) {
    if (at < base_ || (at + 64 > known_ && known_ < end)) load(at, end);
  }
  // Forgets everything: the text has moved.
  void reset() noexcept { base_ = known_ = nullptr; }

  [[nodiscard]] Masks at(const char* at) const noexcept {
    const auto offset = static_cast<size_t>(at - base_);
    const unsigned shift = offset & 63;
    const Masks& a = masks_[offset >> 6];
    const Masks& b = masks_[(offset >> 6) + 1];
    const auto join = [shift](uint64_t low, uint64_t high) {
      return low >> shift | high << 1 << (63 - shift);
    };
    return {join(a.newline, b.newline), join(a.blank, b.blank), join(a.special, b.special),
            join(a.dot, b.dot)};
  }

  // The first newline at or after `at`, or nullptr when none is known before a special byte or the
  // end of what has been looked at.
  [[nodiscard]] const char* plain_line_end(const char* at) const noexcept;

 private:
  static constexpr size_t kBlocks =
      256;  // 16 KiB of text, 8 KiB of masks: both stay in the first-level cache

  void load(const char* at, const char* end);

  const Classes& classes_;
  Classify classify_;
  const char* base_ = nullptr;
  const char* known_ = nullptr;
  std::array<Masks, kBlocks + 2> masks_{};
};

}  // namespace zonesweep::zone
