// protocols/registration/clean_text.h - text of registries without what hurts terminals and files.
//
// Control characters, and characters that turn the direction of writing, stand as \xNN or \u{N}.
//
// Threads:    pure functions.
// Units:      sizes are bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "protocols/registration/text_arena.h"

namespace zonesweep::registration {

// A character of UTF-8 (RFC 3629): size 0 when the bytes at `at` are none.
struct Character {
  size_t size = 0;
  uint32_t code = 0;
};
[[nodiscard]] Character character_at(std::string_view text, size_t at) noexcept;

// Tab and line ends may stand.
[[nodiscard]] bool must_be_escaped(uint32_t code) noexcept;

// Whether the 8 bytes are printable ASCII: nothing to look at one by one.
[[nodiscard]] inline bool is_plain_word(const char* bytes) noexcept {
  uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  constexpr uint64_t kHigh = 0x8080808080808080U;
  constexpr uint64_t kOnes = 0x0101010101010101U;
  const uint64_t below_blank = (word - kOnes * 0x20U) & ~word;
  const uint64_t del = word ^ (kOnes * 0x7FU);
  const uint64_t is_del = (del - kOnes) & ~del;
  return ((word | below_blank | is_del) & kHigh) == 0;
}
// Printable ASCII, tab or a line end.
[[nodiscard]] inline bool is_plain(char c) noexcept {
  return (c >= ' ' && c < 0x7F) || c == '\n' || c == '\r' || c == '\t';
}

// Appends the escaped form. Bytes that are no UTF-8 are kept: callers check first.
void append_escaped(std::string_view text, std::string& out);

// `text` itself where it is clean and of one line, else an escaped copy in the arena.
[[nodiscard]] std::string_view clean(std::string_view text, TextArena& arena);

}  // namespace zonesweep::registration
