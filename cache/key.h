// cache/key.h - what a cached answer is an answer to.
//
// Threads:    a value type.
// Invariants: (1) two keys are equal exactly when protocol, type, options and the lower-cased name
// are:
//                 a key holds all of them, not a digest. The hash only says where to look; a hit is
//                 a hit after every byte of the key was compared, so no collision, by chance or by
//                 design, can hand out another name's answer;
//             (2) the bytes after the name, up to the end of its last word, are zero.
// Ownership:  a key owns its bytes (no heap).
// Units:      words are 64 bits.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace zonesweep::cache {

namespace limits {
inline constexpr uint32_t kKeyNameBytes =
    511;  // a DNS name is at most 255; WHOIS: server and query
}

enum class Protocol : uint8_t {
  dns = 1,
  whois = 2,
  rdap = 3
};  // also stored in files: never renumber

struct Question {
  Protocol protocol = Protocol::dns;
  uint16_t type = 0;     // DNS type; 0 where there is none
  uint32_t options = 0;  // whatever else changes the answer: flags, the set of servers
  // A DNS name in wire form (ASCII letters in any case), or the text of another protocol's query.
  std::span<const std::byte> name;
};

class Key {
 public:
  Key() = default;
  Key(const Key& other) noexcept { *this = other; }
  Key& operator=(const Key& other) noexcept {  // no more words than it has
    hash_ = other.hash_;
    size_ = other.size_;
    std::copy_n(other.words_.data(), size_, words_.data());
    return *this;
  }

  // False, and the key unusable, when the name is longer than kKeyNameBytes.
  [[nodiscard]] bool assign(const Question& question, uint64_t seed) noexcept;

  [[nodiscard]] uint64_t hash() const noexcept { return hash_; }
  void collide_with(const Key& other) noexcept { hash_ = other.hash_; }  // for tests
  // The first word is protocol, type, options and the length of the name; the name follows.
  [[nodiscard]] std::span<const uint64_t> words() const noexcept { return {words_.data(), size_}; }
  [[nodiscard]] std::span<const std::byte> name() const noexcept;  // lower-cased

  static constexpr uint32_t kWordsMax = 1 + (limits::kKeyNameBytes + 7) / 8;
  // Words of a key whose first word is `head`.
  [[nodiscard]] static constexpr uint32_t words_of(uint64_t head) noexcept {
    return 1 + ((static_cast<uint32_t>(head) & kLengthMask) + 7) / 8;
  }

 private:
  static constexpr uint32_t kLengthMask = 0x3ff;

  uint64_t hash_ = 0;
  uint32_t size_ = 0;
  std::array<uint64_t, kWordsMax> words_;  // only the first size_ are set
};

// ASCII letters to lower case, eight bytes at once; other bytes stay. A DNS length octet is at most
// 63 and thereby no letter.
[[nodiscard]] constexpr uint64_t lower_case(uint64_t word) noexcept {
  constexpr uint64_t kOnes = 0x0101010101010101;
  const uint64_t low = word & (kOnes * 0x7f);
  const uint64_t above_z = low + kOnes * (0x7f - 'Z');
  const uint64_t from_a = low + kOnes * (0x80 - 'A');
  const uint64_t upper = ~word & (from_a ^ above_z) & (kOnes * 0x80);
  return word | (upper >> 2);
}

}  // namespace zonesweep::cache
