// protocols/zone/owner.h - absolute names as a master file writes them.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace zonesweep::zone {

namespace limits {
// Text of a name: every octet as \DDD, dots, for the part in the file and again for the origin.
inline constexpr size_t kNameTextBytes = 2 * 1024 + 64;
}  // namespace limits

// Room behind both forms lets them be copied in blocks of 64 bytes.
class ZoneName {
 public:
  [[nodiscard]] std::string_view text() const noexcept {
    return {text_.data(), text_size_};
  }  // with its dot
  [[nodiscard]] std::string_view wire() const noexcept { return {wire_.data(), wire_size_}; }
  [[nodiscard]] bool empty() const noexcept { return wire_size_ == 0; }
  [[nodiscard]] bool is_root() const noexcept { return wire_size_ == 1; }

  // `token` has valid escapes; `origin` is nullptr when there is none. Errors: a message.
  [[nodiscard]] static std::expected<ZoneName, std::string> make(std::string_view token,
                                                                 const ZoneName* origin);

 private:
  std::array<char, 256> wire_{};
  std::array<char, limits::kNameTextBytes> text_{};
  uint16_t text_size_ = 0;
  uint16_t wire_size_ = 0;
};

// Lower case, for comparing and hashing: RFC 4343. Label lengths are no letters.
void lower_wire(std::string_view wire, std::span<char, 256> key) noexcept;

// Both in lower case. A name is not below itself.
[[nodiscard]] bool is_below(std::string_view wire, std::string_view apex) noexcept;

}  // namespace zonesweep::zone
