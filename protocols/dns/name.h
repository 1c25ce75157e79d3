// protocols/dns/name.h - domain names: text to wire, wire to text, comparison.
//
// Threads:    pure functions and value types.
// Invariants: a WireName is validated and uncompressed, keeps the case it came in, ends in the root
//             label, and is 1 to limits::kNameBytes long.
// Ownership:  WireName borrows; Name owns.
// Units:      sizes are octets of the wire form, the root label included.
// Errors:     NameError, from text only. Names inside a message are read by
//             protocols/dns/message_name.h.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace zonesweep::dns {

namespace limits {
inline constexpr size_t kNameBytes = 255;    // RFC 1035 section 2.3.4, the root label included
inline constexpr size_t kLabelBytes = 63;    // RFC 1035 section 2.3.4
inline constexpr size_t kPointerHops = 127;  // 255 octets hold at most 127 labels
inline constexpr size_t kNameTextBytes =
    1004;  // 250 octets as \DDD, 4 dots: the longest presentation form
}  // namespace limits

using WireName = std::span<const std::byte>;

enum class NameError : uint8_t {
  empty,           // no text at all
  empty_label,     // "a..b", ".a"
  label_too_long,  // above 63 octets
  name_too_long,   // above 255 octets
  bad_escape,      // a backslash at the end, \DD, \256
  no_room,         // `out` is smaller than the name: the caller's limit, not the name's
};
[[nodiscard]] std::string_view name_of(NameError error) noexcept;

// Presentation form (RFC 1035 section 5.1: \DDD, \X) to wire form; the trailing dot is optional,
// "." is the root. Any other byte is taken as it is. Returns the size; `out` of kNameBytes always
// has room.
[[nodiscard]] std::expected<size_t, NameError> name_from_text(std::string_view text,
                                                              std::span<std::byte> out) noexcept;

enum class FinalDot : uint8_t { kept, dropped };  // the root is "." either way

// Appends the presentation form, escaped exactly as dig prints it.
void append_name_text(WireName name, std::string& out, FinalDot dot = FinalDot::kept);
// The same in lower case (ASCII only).
void append_lower_name_text(WireName name, std::string& out, FinalDot dot = FinalDot::kept);

// ASCII case is ignored, RFC 4343.
[[nodiscard]] bool equal_names(WireName a, WireName b) noexcept;

// An ASCII letter in lower case, any other byte unchanged.
[[nodiscard]] constexpr std::byte to_lower(std::byte b) noexcept {
  return b >= std::byte{'A'} && b <= std::byte{'Z'} ? b | std::byte{0x20} : b;
}

class Name {
 public:
  Name() = default;  // the root
  // `wire` must keep the invariants of WireName.
  explicit Name(WireName wire) noexcept : size_(static_cast<uint8_t>(wire.size())) {
    std::copy(wire.begin(), wire.end(), bytes_.begin());
  }
  [[nodiscard]] static std::expected<Name, NameError> from_text(std::string_view text) noexcept;

  [[nodiscard]] WireName wire() const noexcept { return {bytes_.data(), size_}; }
  operator WireName() const noexcept {
    return wire();
  }  // NOLINT: a Name is usable wherever a view is
  [[nodiscard]] std::string to_text(FinalDot dot = FinalDot::kept) const;

  friend bool operator==(const Name& a, const Name& b) noexcept { return equal_names(a, b); }

 private:
  std::array<std::byte, limits::kNameBytes> bytes_{};
  uint8_t size_ = 1;
};

}  // namespace zonesweep::dns
