#include "protocols/dns/location.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "protocols/dns/octets.h"
#include "protocols/dns/text_out.h"

namespace zonesweep::dns {
namespace {

constexpr size_t kBytes = 16;            // RFC 1876 section 2
constexpr uint32_t kEquator = 1u << 31;  // also the prime meridian; thousandths of a second of arc
constexpr uint32_t kDegree = 3'600'000;  // in the same unit
constexpr int64_t kAltitudeBase = 100'000 * 100;  // centimetres below the reference spheroid
constexpr std::array<uint32_t, 10> kPowersOfTen = {
    1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

uint32_t distance_from_zero(uint32_t angle) noexcept {
  return angle >= kEquator ? angle - kEquator : kEquator - angle;
}

// One decimal digit times a power of ten, centimetres.
bool is_precision(uint8_t value) noexcept {
  const bool digits = (value >> 4) <= 9 && (value & 0xF) <= 9;
  return digits && (value == 0 || (value >> 4) != 0);
}

void append_precision(uint8_t value, std::string& out) {
  const uint64_t centimetres = uint64_t{value} / 16 * kPowersOfTen[value & 0xF];
  if (centimetres >= 100) {
    fmt::format_to(std::back_inserter(out), "{}m", centimetres / 100);
  } else {
    fmt::format_to(std::back_inserter(out), "0.{:02}m", centimetres);
  }
}

void append_angle(uint32_t angle, std::string_view directions, std::string& out) {
  const uint32_t value = distance_from_zero(angle);
  fmt::format_to(std::back_inserter(out), "{} {} {}.{:03} {}", value / kDegree, value / 60'000 % 60,
                 value / 1'000 % 60, value % 1'000,
                 angle >= kEquator ? directions[0] : directions[1]);
}

}  // namespace

bool is_location(std::span<const std::byte> rdata) noexcept {
  if (rdata.empty()) return false;
  if (rdata[0] != std::byte{0}) return true;
  if (rdata.size() != kBytes) return false;
  return is_precision(read_u8(rdata, 1)) && is_precision(read_u8(rdata, 2)) &&
         is_precision(read_u8(rdata, 3)) &&
         distance_from_zero(read_u32(rdata, 4)) <= 90 * kDegree &&
         distance_from_zero(read_u32(rdata, 8)) <= 180 * kDegree;
}

void append_location(std::span<const std::byte> rdata, std::string& out) {
  append_angle(read_u32(rdata, 4), "NS", out);
  out.push_back(' ');
  append_angle(read_u32(rdata, 8), "EW", out);
  const int64_t altitude = int64_t{read_u32(rdata, 12)} - kAltitudeBase;
  const int64_t height = std::abs(altitude);
  fmt::format_to(std::back_inserter(out), " {}{}.{:02}m ", altitude < 0 ? "-" : "", height / 100,
                 height % 100);
  for (size_t i = 1; i <= 3; ++i) {
    if (i > 1) out.push_back(' ');
    append_precision(read_u8(rdata, i), out);
  }
}

}  // namespace zonesweep::dns
