#include "protocols/registration/clean_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace zonesweep::registration {
namespace {

[[nodiscard]] uint32_t octet(std::string_view text, size_t at) noexcept {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
}

}  // namespace

// No overlong forms, no surrogates, nothing above U+10FFFF.
Character character_at(std::string_view text, size_t at) noexcept {
  const uint32_t a = octet(text, at);
  if (a < 0x80) return {1, a};
  const auto follows = [&](size_t i) { return (octet(text, at + i) & 0xC0U) == 0x80U; };
  const auto low = [&](size_t i) { return octet(text, at + i) & 0x3FU; };
  if (a >= 0xC2 && a <= 0xDF && follows(1)) return {2, (a & 0x1FU) << 6U | low(1)};
  if (a >= 0xE0 && a <= 0xEF && follows(1) && follows(2)) {
    const uint32_t code = (a & 0x0FU) << 12U | low(1) << 6U | low(2);
    return code >= 0x800 && (code < 0xD800 || code > 0xDFFF) ? Character{3, code} : Character{};
  }
  if (a >= 0xF0 && a <= 0xF4 && follows(1) && follows(2) && follows(3)) {
    const uint32_t code = (a & 0x07U) << 18U | low(1) << 12U | low(2) << 6U | low(3);
    return code >= 0x10000 && code <= 0x10FFFF ? Character{4, code} : Character{};
  }
  return {};
}

bool must_be_escaped(uint32_t code) noexcept {
  if (code < 0x20) return code != '\t' && code != '\n' && code != '\r';
  return (code >= 0x7F && code < 0xA0) || code == 0x061C || code == 0x200E || code == 0x200F ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

void append_escaped(std::string_view text, std::string& out) {
  for (size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    const size_t size = std::max<size_t>(character.size, 1);
    if (character.size == 0 || !must_be_escaped(character.code)) {
      out.append(text.substr(at, size));
    } else if (character.code < 0x100) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", character.code);
    } else if (character.code != 0xFEFF) {
      fmt::format_to(std::back_inserter(out), "\\u{{{:x}}}", character.code);
    }
    at += size;
  }
}

std::string_view clean(std::string_view text, TextArena& arena) {
  bool clean_already = true;
  for (size_t at = 0; at < text.size() && clean_already;) {
    if (at + 8 <= text.size() && is_plain_word(text.data() + at)) {
      at += 8;
      continue;
    }
    const Character character = character_at(text, at);
    clean_already =
        character.size != 0 && character.code >= 0x20 && !must_be_escaped(character.code);
    at += std::max<size_t>(character.size, 1);
  }
  if (clean_already) return text;
  std::string escaped;
  append_escaped(text, escaped);
  // A value is one line.
  std::ranges::replace_if(
      escaped, [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return arena.store(escaped);
}

}  // namespace zonesweep::registration
