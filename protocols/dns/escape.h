// protocols/dns/escape.h - master-file escapes (RFC 1035 section 5.1), as dig writes them.
//
// Threads: pure functions. Internal to protocols/dns.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "protocols/dns/name.h"

namespace zonesweep::dns {

// How an octet of a label is written.
enum class Escape : uint8_t { none, backslash, decimal };

inline constexpr std::array<Escape, 256> kLabelEscapes = [] {
  std::array<Escape, 256> table{};
  for (size_t c = 0; c < 256; ++c) table[c] = c > 0x20 && c < 0x7F ? Escape::none : Escape::decimal;
  for (const char c : {'@', '$', '"', '(', ')', '.', ';', '\\'}) {
    table[static_cast<size_t>(c)] = Escape::backslash;
  }
  return table;
}();

inline char* put_decimal_escape(std::byte octet, char* to) noexcept {
  const unsigned value = std::to_integer<unsigned>(octet);
  *to++ = '\\';
  *to++ = static_cast<char>('0' + value / 100);
  *to++ = static_cast<char>('0' + value / 10 % 10);
  *to++ = static_cast<char>('0' + value % 10);
  return to;
}

// Writes a label and returns the end; `to` has room for four characters per octet.
template <bool kLower>
char* escape_label(std::span<const std::byte> label, char* to) noexcept {
  for (const std::byte raw : label) {
    const std::byte octet = kLower ? to_lower(raw) : raw;
    const Escape escape = kLabelEscapes[std::to_integer<size_t>(octet)];
    if (escape == Escape::none) [[likely]] {
      *to++ = static_cast<char>(octet);
    } else if (escape == Escape::backslash) {
      *to++ = '\\';
      *to++ = static_cast<char>(octet);
    } else {
      to = put_decimal_escape(octet, to);
    }
  }
  return to;
}

}  // namespace zonesweep::dns
