// protocols/zone/name_text.h - one piece of text to a name, an address or a reason why it is
// neither.
//
// Threads:    one per object.
// Accepted:   letters, digits, `-`, `_`, `*` in any place; `\X` and `\DDD`; `/` below arpa. (RFC
//             2317); U-labels; a trailing dot; the root as "."; bare IPv4 and IPv6 addresses.
//             Nothing is cleaned, nothing guessed.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "protocols/zone/idna.h"
#include "protocols/zone/name_block.h"
#include "protocols/zone/parser.h"

namespace zonesweep::zone {

namespace limits {
inline constexpr size_t kWireName = 255;  // octets, root label included; RFC 1035 section 2.3.4
inline constexpr size_t kLabel = 63;      // octets; the same
inline constexpr size_t kLineBytes = 4 * 1024;  // of a list line or a CSV cell; FAULTS 3.4
}  // namespace limits

struct Verdict {
  InputName::Kind kind = InputName::Kind::illegal;
  Illegal reason = Illegal::none;
  uint8_t wire_size = 0;
};

class NameReader {
 public:
  // Writes the wire form to `wire`. `text` has no blanks at its ends and is at most kLineBytes
  // long.
  [[nodiscard]] Verdict read(std::string_view text, std::span<char, limits::kWireName> wire);
  // Reads `text` and appends the outcome, whatever it is.
  void append(std::string_view text, Output& out, Counts& counts);

 private:
  [[nodiscard]] Verdict read_unicode(std::string_view text,
                                     std::span<char, limits::kWireName> wire);

  Idna idna_;
  std::array<char, 2 * limits::kLineBytes> ascii_;
};

void append_illegal(std::string_view text, Illegal reason, Output& out, Counts& counts);

// A bare address to its reverse name. False when `text` is none.
[[nodiscard]] bool reverse_name(std::string_view text, std::span<char, limits::kWireName> wire,
                                uint8_t& wire_size);

}  // namespace zonesweep::zone
