// protocols/zone/words.h - the words of a master file: classes, types, times.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace zonesweep::zone {

enum class TypeWord : uint8_t {
  none,  // not a type
  ns,
  soa,
  text,   // TXT, SPF: character-strings, whose sizes are checked
  empty,  // may stand without data: APL, NULL
  other,
};

// IANA mnemonics and TYPEnnn, any case.
[[nodiscard]] TypeWord type_word(std::string_view token) noexcept;

enum class ClassWord : uint8_t { none, internet, other };
[[nodiscard]] ClassWord class_word(std::string_view token) noexcept;

// Seconds, or with units as in 1w2d3h4m5s; nothing when it is no time or exceeds 32 bits.
[[nodiscard]] std::optional<uint32_t> time_of(std::string_view token) noexcept;

[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
[[nodiscard]] constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}
[[nodiscard]] bool equal_words(std::string_view text, std::string_view lower_case) noexcept;

}  // namespace zonesweep::zone
