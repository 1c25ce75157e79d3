// protocols/rdap/jcard.h - the few facts that a row takes from a jCard (RFC 7095).
//
// Threads:    pure functions over simdjson's DOM.
// Ownership:  views live as long as the document.
#pragma once

#include <string_view>

#include "protocols/rdap/json.h"

namespace zonesweep::rdap {

struct Card {
  std::string_view name;  // fn
  std::string_view org;   // org; the first component of a structured one
  std::string_view email;
  std::string_view phone;    // tel, without its scheme; not a fax
  std::string_view country;  // the code of the address where it has one, else its name
};

// Whatever of `value` can be read; a property of another shape is left out. False when `value` is
// no jCard at all.
[[nodiscard]] bool read_card(const Value& value, Card& card) noexcept;

}  // namespace zonesweep::rdap
