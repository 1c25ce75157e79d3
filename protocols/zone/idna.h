// protocols/zone/idna.h - U-labels to A-labels (UTS 46, non-transitional, bidi and joiner rules
// checked).
//
// Threads:    one per object. Limits: STD3 rules are off, because `_` is legal in the DNS; so are
//             the hyphen rules, because names like r3---sn exist. Lengths are for the caller to
//             check.
#pragma once

#include <expected>
#include <memory>
#include <span>
#include <string_view>

#include "protocols/zone/name_block.h"

namespace zonesweep::zone {

class Idna {
 public:
  Idna();
  ~Idna();

  // `text` is valid UTF-8. The result lies in `room`. Errors: bad_idna | name_too_long (of room).
  [[nodiscard]] std::expected<std::string_view, Illegal> to_ascii(std::string_view text,
                                                                  std::span<char> room);

 private:
  struct Uts46;
  std::unique_ptr<Uts46>
      uts46_;  // opened by the first name that needs it: it costs megabytes of tables
};

// Well-formed UTF-8 (no surrogates, nothing overlong).
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;
// The length of the well-formed sequence at the front, 1..4, or 0.
[[nodiscard]] size_t utf8_sequence(std::string_view text) noexcept;

}  // namespace zonesweep::zone
