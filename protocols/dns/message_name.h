// protocols/dns/message_name.h - names inside a message, compressed or not (RFC 1035 section
// 4.1.4).
//
// Threads:    pure functions.
// Invariants: a pointer goes strictly backwards, before the start of the run of labels that it
//             ends, and never into the header; so every walk ends, after at most
//             limits::kPointerHops jumps.
// Units:      offsets are octets from the start of the message.
// Errors:     check_name() and read_name() take any bytes. The others need a name that one of them
//             accepted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>

#include "protocols/dns/error.h"
#include "protocols/dns/name.h"

namespace zonesweep::dns {

using MessageBytes = std::span<const std::byte>;

enum class Compression : uint8_t { allowed, refused };

struct NameExtent {
  uint16_t end = 0;        // offset just behind the name where it stands (behind the first pointer)
  uint16_t wire_size = 0;  // octets of the expanded name, 1 to 255
};

// Proves that the name at `at` is well formed; expands nothing.
[[nodiscard]] std::expected<NameExtent, Error> check_name(
    MessageBytes message, size_t at, Compression compression = Compression::allowed) noexcept;

// Expands the name at `at`.
[[nodiscard]] std::expected<NameExtent, Error> read_name(
    MessageBytes message, size_t at, std::span<std::byte, limits::kNameBytes> out) noexcept;

namespace limits {
// Label comparisons that one message is worth: the 2,000 records of a server that compresses
// nothing take a third of it, and a hostile one cannot buy more than some 0.3 ms with it.
inline constexpr uint32_t kLabelComparisons = 100'000;
}  // namespace limits

// Bounds the comparisons that one message causes. When it is used up, names compare as different.
struct Effort {
  uint32_t labels_left = limits::kLabelComparisons;
  [[nodiscard]] bool used_up() const noexcept { return labels_left == 0; }
};

// Of checked names: expansion, presentation form, comparison without expansion.
[[nodiscard]] Name name_at(MessageBytes message, size_t at) noexcept;
void append_name_text_at(MessageBytes message, size_t at, std::string& out,
                         FinalDot dot = FinalDot::kept);
[[nodiscard]] bool equal_names_at(MessageBytes message, size_t a, size_t b,
                                  Effort& effort) noexcept;
[[nodiscard]] bool equal_name_at(MessageBytes message, size_t at, WireName name) noexcept;
// True when `name` is `ancestor` or lies below it.
[[nodiscard]] bool at_or_below(MessageBytes message, size_t name, size_t ancestor,
                               Effort& effort) noexcept;

}  // namespace zonesweep::dns
