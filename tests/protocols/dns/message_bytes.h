// tests/protocols/dns/message_bytes.h - messages as they are written in tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zonesweep::dns::testing {

// Octets put together by hand: what MessageWriter refuses to write can be written here.
class Bytes {
 public:
  Bytes& u8(unsigned value) {
    bytes_.push_back(static_cast<std::byte>(value & 0xFF));
    return *this;
  }
  Bytes& u16(unsigned value) { return u8(value >> 8).u8(value); }
  Bytes& u32(uint32_t value) { return u16(value >> 16).u16(value & 0xFFFF); }
  Bytes& raw(std::string_view octets) {
    for (const char c : octets) u8(static_cast<unsigned char>(c));
    return *this;
  }
  Bytes& raw(std::span<const std::byte> octets) {
    bytes_.insert(bytes_.end(), octets.begin(), octets.end());
    return *this;
  }
  // "www.example" without escapes; "" is the root.
  Bytes& name(std::string_view text) { return labels(text).u8(0); }
  Bytes& labels(std::string_view text) {
    while (!text.empty()) {
      const size_t dot = text.find('.');
      const std::string_view label = text.substr(0, dot);
      u8(static_cast<unsigned>(label.size())).raw(label);
      text = dot == std::string_view::npos ? "" : text.substr(dot + 1);
    }
    return *this;
  }
  Bytes& pointer(unsigned offset) { return u16(0xC000 | offset); }
  Bytes& header(unsigned flags, unsigned questions, unsigned answers, unsigned authorities = 0,
                unsigned additionals = 0) {
    return u16(0x1234).u16(flags).u16(questions).u16(answers).u16(authorities).u16(additionals);
  }
  Bytes& question(std::string_view text, unsigned type) { return name(text).u16(type).u16(1); }
  // Behind an owner.
  Bytes& record(unsigned type, uint32_t ttl, const Bytes& rdata) {
    return u16(type).u16(1).u32(ttl).u16(static_cast<unsigned>(rdata.size())).raw(rdata.span());
  }

  [[nodiscard]] size_t size() const { return bytes_.size(); }
  [[nodiscard]] std::span<const std::byte> span() const { return bytes_; }
  std::vector<std::byte>& octets() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

inline constexpr unsigned kReply = 0x8180;  // QR, RD, RA
inline constexpr unsigned kQuestionAt = 12;

}  // namespace zonesweep::dns::testing
