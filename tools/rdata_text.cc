#include "tools/rdata_text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>

#include "protocols/dns/name.h"

namespace zonesweep::tools {
namespace {

// One letter per field: b, s, w: numbers of 8, 16 and 32 bits; 4, 6: addresses; n: name; t:
// character-string; l: the same without its length octet, to the end; T: one or more to the end;
// h: hex to the end; g: a tag that is not quoted.
struct Fields {
  uint16_t type;
  std::string_view letters;
};
constexpr std::array<Fields, 17> kFields{{{1, "4"},
                                          {2, "n"},
                                          {5, "n"},
                                          {6, "nnwwwww"},
                                          {12, "n"},
                                          {13, "tt"},
                                          {15, "sn"},
                                          {16, "T"},
                                          {28, "6"},
                                          {33, "sssn"},
                                          {35, "sstttn"},
                                          {39, "n"},
                                          {43, "sbbh"},
                                          {44, "bbh"},
                                          {52, "bbbh"},
                                          {99, "T"},
                                          {257, "bgl"}}};

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  [[nodiscard]] bool read(char letter, std::string& out) {
    switch (letter) {
      case 'b': return number<uint8_t>(out);
      case 's': return number<uint16_t>(out);
      case 'w': return number<uint32_t>(out);
      case '4': return address<4>(AF_INET, out);
      case '6': return address<16>(AF_INET6, out);
      case 'n': return name(out);
      case 't': return text(true, out);
      case 'g': return tag(out);
      case 'l': return text(false, out);
      case 'T':
        do {
          if (!text(true, out)) return false;
        } while (!at_end());
        return true;
      case 'h': return hex(out);
      default: return false;
    }
  }
  template <typename Number>
  [[nodiscard]] bool number(std::string& out) {
    const std::string_view digits = word();
    Number value = 0;
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), value);
    if (error != std::errc{} || end != digits.end() || digits.empty()) return false;
    for (int shift = std::numeric_limits<Number>::digits - 8; shift >= 0; shift -= 8)
      out += static_cast<char>(value >> shift);
    return true;
  }
  [[nodiscard]] bool hex(std::string& out) {
    std::string digits;
    while (!at_end()) digits += word();
    if (digits.size() % 2 != 0) return false;
    for (size_t i = 0; i < digits.size(); i += 2) {
      uint8_t octet = 0;
      const char* const end = digits.data() + i + 2;
      const auto parsed = std::from_chars(digits.data() + i, end, octet, 16);
      if (parsed.ec != std::errc{} || parsed.ptr != end) return false;
      out += static_cast<char>(octet);
    }
    return true;
  }
  [[nodiscard]] bool at_end() {
    text_.remove_prefix(std::min(text_.find_first_not_of(' '), text_.size()));
    return text_.empty();
  }
  std::string_view word() {
    if (at_end()) return {};
    const std::string_view found = text_.substr(0, text_.find(' '));
    text_.remove_prefix(found.size());
    return found;
  }

 private:
  template <size_t kBytes>
  [[nodiscard]] bool address(int family, std::string& out) {
    std::array<char, kBytes> bytes{};
    if (inet_pton(family, std::string(word()).c_str(), bytes.data()) != 1) return false;
    out.append(bytes.data(), bytes.size());
    return true;
  }
  [[nodiscard]] bool name(std::string& out) {
    std::array<std::byte, dns::limits::kNameBytes> wire;
    const auto size = dns::name_from_text(word(), wire);
    if (!size) return false;
    out.append(reinterpret_cast<const char*>(wire.data()), *size);
    return true;
  }
  [[nodiscard]] bool tag(std::string& out) {
    const std::string_view found = word();
    if (found.empty() || found.size() > 255) return false;
    out += static_cast<char>(found.size());
    out += found;
    return true;
  }
  // In quotes, with \DDD and \X in it.
  [[nodiscard]] bool text(bool with_length, std::string& out) {
    if (at_end() || text_.front() != '"') return false;
    text_.remove_prefix(1);
    std::string octets;
    while (!text_.empty() && text_.front() != '"') {
      if (!octet(octets)) return false;
    }
    if (text_.empty() || (with_length && octets.size() > 255)) return false;
    text_.remove_prefix(1);
    if (with_length) out += static_cast<char>(octets.size());
    out += octets;
    return true;
  }
  [[nodiscard]] bool octet(std::string& out) {
    const bool escaped = text_.front() == '\\';
    if (escaped) text_.remove_prefix(1);
    if (text_.empty()) return false;
    if (!escaped || text_.front() < '0' || text_.front() > '9') {
      out += text_.front();
      text_.remove_prefix(1);
      return true;
    }
    uint8_t value = 0;
    if (text_.size() < 3) return false;
    const auto parsed = std::from_chars(text_.data(), text_.data() + 3, value);
    if (parsed.ec != std::errc{} || parsed.ptr != text_.data() + 3) return false;
    out += static_cast<char>(value);
    text_.remove_prefix(3);
    return true;
  }

  std::string_view text_;
};

std::optional<std::string> generic(Reader in) {
  (void)in.word();
  std::string size, octets;
  if (!in.number<uint16_t>(size) || !in.hex(octets)) return std::nullopt;
  const auto high = static_cast<uint8_t>(size[0]), low = static_cast<uint8_t>(size[1]);
  if (octets.size() != size_t{high} * 256 + low) return std::nullopt;
  return octets;
}

}  // namespace

std::optional<std::string> rdata_from_text(uint16_t type, std::string_view text) {
  Reader in(text);
  if (text.starts_with("\\# ")) return generic(in);
  const auto* const fields = std::ranges::find(kFields, type, &Fields::type);
  if (fields == kFields.end()) return std::nullopt;
  std::string out;
  for (const char letter : fields->letters)
    if (!in.read(letter, out)) return std::nullopt;
  if (!in.at_end()) return std::nullopt;
  return out;
}

}  // namespace zonesweep::tools
