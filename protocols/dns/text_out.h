// protocols/dns/text_out.h - numbers, hex, base64 and quoted strings, as dig writes them.
//
// Threads: pure functions. Internal to protocols/dns.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocols/dns/escape.h"

namespace zonesweep::dns {

namespace limits {
inline constexpr size_t kTextBlock =
    56;  // characters of hex or base64 between two blanks, as dig does
inline constexpr size_t kUnsplit = 0;
}  // namespace limits

inline void append_number(uint32_t value, std::string& out) {
  std::array<char, 10> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), end);
}

// Lower case, no leading zeros.
void append_hex_number(uint16_t value, std::string& out);
// "192.0.2.1"
void append_address4(std::span<const std::byte> octets, std::string& out);
// RFC 5952, except that IPv4-compatible addresses end in dotted form, as inet_ntop() writes them.
void append_address6(std::span<const std::byte> octets, std::string& out);

enum class HexCase : uint8_t { upper, lower };
// A blank after every `block` characters; limits::kUnsplit for none.
void append_hex(std::span<const std::byte> octets, size_t block, std::string& out,
                HexCase hex_case = HexCase::upper);
void append_base64(std::span<const std::byte> octets, size_t block, std::string& out);
// RFC 4648 section 7, without padding.
void append_base32hex(std::span<const std::byte> octets, std::string& out);

// Octets in double quotes; what is not printable as \DDD.
void append_quoted(std::span<const std::byte> octets, std::string& out);
// The same without the quotes, and with `"` as it is.
void append_unquoted(std::span<const std::byte> octets, std::string& out);

}  // namespace zonesweep::dns
