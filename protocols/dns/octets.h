// protocols/dns/octets.h - big-endian integers at offsets that the caller has checked.
//
// Threads: pure functions. Internal to protocols/dns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace zonesweep::dns {

[[nodiscard]] inline uint8_t read_u8(std::span<const std::byte> bytes, size_t at) noexcept {
  return std::to_integer<uint8_t>(bytes[at]);
}

[[nodiscard]] inline uint16_t read_u16(std::span<const std::byte> bytes, size_t at) noexcept {
  return static_cast<uint16_t>(std::to_integer<unsigned>(bytes[at]) << 8 |
                               std::to_integer<unsigned>(bytes[at + 1]));
}

[[nodiscard]] inline uint32_t read_u32(std::span<const std::byte> bytes, size_t at) noexcept {
  return static_cast<uint32_t>(read_u16(bytes, at)) << 16 | read_u16(bytes, at + 2);
}

}  // namespace zonesweep::dns
