// protocols/dns/stream.h - messages on a byte stream: two octets of length, then the message (RFC
// 1035 section 4.2.2, RFC 7766 section 8).
//
// Threads:    one object per connection.
// Invariants: no allocation; the buffer holds at most one unfinished message.
// Ownership:  a message is lent until the next call of next() or feed(): it lies in the fed bytes
//             when it was whole there, in our buffer when not.
// Errors:     none. A length of 0 is an empty message, which Message::parse() refuses.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace zonesweep::dns {

class StreamReader {
 public:
  // Takes the bytes of one read. They must live until next() has returned nullopt.
  void feed(std::span<const std::byte> bytes) noexcept { fed_ = bytes; }
  // The next whole message; nullopt when what is left is unfinished and now kept here.
  [[nodiscard]] std::optional<std::span<const std::byte>> next() noexcept;
  // True in the middle of a message: a close now cuts it.
  [[nodiscard]] bool unfinished() const noexcept { return (held_ != 0 && !lent_) || !fed_.empty(); }
  void reset() noexcept;

 private:
  void hold(size_t size) noexcept;

  std::span<const std::byte> fed_;
  size_t held_ = 0;                           // octets in buffer_
  bool lent_ = false;                         // buffer_ holds a message that was handed out
  std::array<std::byte, 2 + 65'535> buffer_;  // not initialised: 64 KiB per connection
};

// The length prefix of a message of `size` octets, to be written before it.
[[nodiscard]] constexpr std::array<std::byte, 2> stream_prefix(uint16_t size) noexcept {
  return {static_cast<std::byte>(size >> 8), static_cast<std::byte>(size & 0xFF)};
}

}  // namespace zonesweep::dns
