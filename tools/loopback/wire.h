// tools/loopback/wire.h - the pen with which the loopback internet writes messages.
//
// Its own, not the product's: a codec must not agree with itself in a test.
//
// Threads: one. Invariants: nothing is written behind the end; the error sticks, and the caller
// asks ok() once. Ownership: the bytes are the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace zonesweep::loopback {

class Wire {
 public:
  explicit Wire(std::span<std::byte> room) : room_(room) {}

  void u8(uint32_t value) {
    if (!reserve(1)) return;
    room_[at_++] = static_cast<std::byte>(value);
  }
  void u16(uint32_t value) {
    if (!reserve(2)) return;
    room_[at_++] = static_cast<std::byte>(value >> 8U);
    room_[at_++] = static_cast<std::byte>(value);
  }
  void u32(uint32_t value) {
    u16(value >> 16U);
    u16(value & 0xffffU);
  }
  void u64(uint64_t value) {
    u32(static_cast<uint32_t>(value >> 32U));
    u32(static_cast<uint32_t>(value));
  }
  void bytes(std::span<const std::byte> source) {
    if (source.empty() || !reserve(source.size())) return;
    std::memcpy(&room_[at_], source.data(), source.size());
    at_ += source.size();
  }
  void text(std::string_view source) { bytes(std::as_bytes(std::span(source))); }
  // A <character-string>: at most 255 bytes are taken.
  void string(std::string_view source) {
    const std::string_view held = source.substr(0, 255);
    u8(static_cast<uint32_t>(held.size()));
    text(held);
  }
  // Text of plain labels, without a trailing dot; "" is the root.
  void name(std::string_view plain) {
    while (!plain.empty()) {
      const std::string_view label = plain.substr(0, plain.find('.'));
      u8(static_cast<uint32_t>(label.size()));
      text(label);
      plain.remove_prefix(std::min(plain.size(), label.size() + 1));
    }
    u8(0);
  }

  // Two bytes to be filled in later by patch().
  [[nodiscard]] size_t hole() {
    u16(0);
    return at_ - 2;
  }
  void patch(size_t hole, size_t value) {
    if (!ok_) return;
    room_[hole] = static_cast<std::byte>(value >> 8U);
    room_[hole + 1] = static_cast<std::byte>(value);
  }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] size_t size() const { return at_; }
  [[nodiscard]] std::span<std::byte> written() const { return room_.first(at_); }
  void rewind(size_t size) { at_ = size; }
  void restart(size_t size) {  // forgets that there was no room
    at_ = size;
    ok_ = true;
  }

 private:
  bool reserve(size_t count) {
    ok_ = ok_ && count <= room_.size() - at_;
    return ok_;
  }

  std::span<std::byte> room_;
  size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace zonesweep::loopback
