// protocols/zone/record.h - one entry of a master file, cut into tokens (RFC 1035 section 5.1).
//
// Threads:    none; pure.
// Invariants: one pass, no recursion, no allocation but for error messages.
// Units:      sizes are bytes, lines are counted from the start of the entry.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string_view>

#include "protocols/zone/parser.h"

namespace zonesweep::zone {

namespace limits {
inline constexpr uint32_t kParentheses = 16;  // nested; nobody writes two
inline constexpr size_t kHeadTokens = 8;      // owner, TTL, class, type, and the first of the data
inline constexpr size_t kCharacterString = 255;  // octets; RFC 1035 section 3.3
inline constexpr size_t kRecordOctets = 65'535;  // of data; RFC 1035 section 3.2.1
}  // namespace limits

struct Token {
  std::string_view text;  // escapes as written, quotes left out
  bool quoted = false;
};

struct Record {
  enum class Form : uint8_t {
    record,
    blank,         // nothing but blanks and a comment
    incomplete,    // its end is not in the text
    open_comment,  // nothing but a comment, which fills the rest of the text
  };
  Form form = Form::incomplete;
  bool owner_omitted = false;  // begins with a blank
  size_t size = 0;             // with its newline
  uint64_t lines = 0;          // newlines in it
  size_t tokens = 0;           // all of them; `head` keeps the first
  std::array<Token, limits::kHeadTokens> head{};
  size_t longest_string = 0;  // octets of the longest token behind the head's first, escapes undone
  size_t octets = 0;          // of all tokens, escapes undone
};

// The entry at the front of `text`. TextError::line counts from 0 here.
[[nodiscard]] std::expected<Record, TextError> read_record(std::string_view text, bool ended);

}  // namespace zonesweep::zone
