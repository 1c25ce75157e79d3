// protocols/whois/tokenizer.h - one line of an answer as label and value.
//
// One tokenizer for every family of formats: "Label: value", "Label....: value", "Label.... value",
// "[Label] value", "a. [Label] value", "Label<tab>value", "Label value", "Record created on
// 2014-03-27", and headings with and without a colon.
//
// Threads:    pure functions.
// Ownership:  tokens borrow from the line.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocols/whois/labels.h"
#include "protocols/whois/text.h"

namespace zonesweep::whois {

struct Token {
  enum class Kind : uint8_t {
    blank,
    comment,
    field,    // label and value
    heading,  // a label without a value, or a line that is a known heading
    text,     // neither
  };
  Kind kind = Kind::blank;
  const Label* label = nullptr;  // null: unknown
  std::string_view value{};      // of a field; the whole line of a text
  uint32_t indent = 0;
  bool bracket = false;  // the label stands in brackets
};

[[nodiscard]] Token token_of(const Line& line) noexcept;

}  // namespace zonesweep::whois
