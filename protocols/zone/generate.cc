#include "protocols/zone/generate.h"

#include <array>
#include <charconv>

#include "protocols/zone/words.h"

namespace zonesweep::zone {
namespace {

constexpr uint64_t kMost = INT32_MAX;
constexpr int64_t kWidthMost = 253;  // nothing longer fits into a name

bool take_number(std::string_view& text, int64_t& value) {
  const bool plus = text.starts_with('+');
  const char* const from = text.data() + (plus ? 1 : 0);
  const auto [at, error] = std::from_chars(from, text.data() + text.size(), value);
  if (error != std::errc{} || value > INT32_MAX || value < INT32_MIN) return false;
  text.remove_prefix(static_cast<size_t>(at - text.data()));
  return true;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

struct Modifier {
  int64_t offset = 0;
  int64_t width = 0;
  char base = 'd';
};

// What stands behind `${`; takes the closing brace too.
bool take_modifier(std::string_view& text, Modifier& modifier) {
  if (!take_number(text, modifier.offset)) return false;
  if (take(text, ',')) {
    if (!take_number(text, modifier.width) || modifier.width < 0 || modifier.width > kWidthMost)
      return false;
    if (take(text, ',')) {
      if (text.empty()) return false;
      modifier.base = text[0];
      text.remove_prefix(1);
    }
  }
  return std::string_view("doxXnN").find(modifier.base) != std::string_view::npos &&
         take(text, '}');
}

// Hexadecimal digits from the lowest, a dot between two; the width counts both.
void put_nibbles(uint32_t value, int64_t width, bool upper, std::string& out) {
  const std::string_view digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  do {
    out += digits[value & 15];
    value >>= 4;
    --width;
    if (width <= 0 && value == 0) return;
    out += '.';
    --width;
  } while (width > 0 || value != 0);
}

void put_number(int64_t value, const Modifier& modifier, std::string& out) {
  // The other bases show the 32 bits of a negative number, as BIND does.
  const auto bits = static_cast<uint32_t>(value);
  if (lower(modifier.base) == 'n')
    return put_nibbles(bits, modifier.width, modifier.base == 'N', out);
  std::array<char, 16> room;
  const bool negative = modifier.base == 'd' && value < 0;
  const int base = modifier.base == 'd' ? 10 : modifier.base == 'o' ? 8 : 16;
  const uint64_t magnitude =
      modifier.base != 'd' ? bits : static_cast<uint64_t>(negative ? -value : value);
  const char* const end =
      std::to_chars(room.data(), room.data() + room.size(), magnitude, base).ptr;
  const int64_t size = (end - room.data()) + (negative ? 1 : 0);
  if (negative) out += '-';
  for (int64_t i = size; i < modifier.width; ++i) out += '0';
  for (const char* at = room.data(); at != end; ++at) {
    out += modifier.base == 'X' && *at >= 'a' ? static_cast<char>(*at - 0x20) : *at;
  }
}

}  // namespace

std::expected<Range, std::string> Range::parse(std::string_view text) {
  const std::string shown(text.substr(0, 80));
  const auto number = [&](uint64_t& value) {
    const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || value > kMost) return false;
    text.remove_prefix(static_cast<size_t>(at - text.data()));
    return true;
  };
  Range range;
  const bool good = number(range.start) && take(text, '-') && number(range.stop) &&
                    (!take(text, '/') || number(range.step)) && text.empty();
  if (!good || range.stop < range.start || range.step == 0) {
    return std::unexpected("'" + shown +
                           "' is no range for $GENERATE: start-stop or start-stop/step");
  }
  return range;
}

std::expected<void, std::string> expand(std::string_view pattern, uint64_t value,
                                        std::string& out) {
  out.clear();
  for (std::string_view rest = pattern; !rest.empty();) {
    const char c = rest[0];
    rest.remove_prefix(1);
    if (c == '\\' && !rest.empty()) {  // an escape stays one, also that of `$`
      out += c;
      out += rest[0];
      rest.remove_prefix(1);
    } else if (c != '$') {
      out += c;
    } else if (take(rest, '$')) {
      out += c;
    } else if (!take(rest, '{')) {
      put_number(static_cast<int64_t>(value), {}, out);
    } else {
      Modifier modifier;
      if (!take_modifier(rest, modifier)) {
        return std::unexpected(
            "bad modifier in $GENERATE: ${offset}, ${offset,width} or ${offset,width,base}, "
            "base one of d o x X n N");
      }
      put_number(static_cast<int64_t>(value) + modifier.offset, modifier, out);
    }
    if (out.size() > limits::kGeneratedNameBytes)
      return std::unexpected("$GENERATE makes a name of more than 255 octets");
  }
  return {};
}

}  // namespace zonesweep::zone
