#include "protocols/dns/text_out.h"

#include <algorithm>

#include "protocols/dns/octets.h"

namespace zonesweep::dns {
namespace {

constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase32HexDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
constexpr size_t kWords = 8;  // 16-bit groups of an IPv6 address

// "0" to "255" and the dot behind it, so that an octet is one copy of four characters.
struct OctetText {
  std::array<char, 4> text;
  uint8_t size;
};
constexpr std::array<OctetText, 256> kOctets = [] {
  std::array<OctetText, 256> table{};
  for (unsigned value = 0; value < 256; ++value) {
    OctetText& entry = table[value];
    if (value >= 100) entry.text[entry.size++] = static_cast<char>('0' + value / 100);
    if (value >= 10) entry.text[entry.size++] = static_cast<char>('0' + value / 10 % 10);
    entry.text[entry.size++] = static_cast<char>('0' + value % 10);
    entry.text[entry.size++] = '.';
  }
  return table;
}();

struct Run {
  size_t begin = 0;
  size_t size = 0;
};

// The first of the longest runs of zero words; one alone is none.
Run longest_zero_run(const std::array<uint16_t, kWords>& words) {
  Run best;
  for (size_t i = 0; i < kWords; ++i) {
    size_t end = i;
    while (end < kWords && words[end] == 0) ++end;
    if (end - i > best.size) best = {i, end - i};
    i = std::max(i, end);
  }
  return best.size >= 2 ? best : Run{};
}

bool ends_in_address4(const std::array<uint16_t, kWords>& words, const Run& zeros) {
  if (zeros.begin != 0) return false;
  return zeros.size == 6 || (zeros.size == 5 && words[5] == 0xFFFF);
}

template <char kQuote>
void append_escaped(std::span<const std::byte> octets, std::string& out) {
  size_t plain = 0;
  const auto flush = [&](size_t end) {
    out.append(reinterpret_cast<const char*>(octets.data()) + plain, end - plain);
    plain = end + 1;
  };
  for (size_t i = 0; i < octets.size(); ++i) {
    const char c = static_cast<char>(octets[i]);
    if (c == '\\' || (kQuote != '\0' && c == kQuote)) {
      flush(i);
      out.push_back('\\');
      out.push_back(c);
    } else if (octets[i] < std::byte{0x20} || octets[i] >= std::byte{0x7F}) {
      flush(i);
      std::array<char, 4> escape;
      put_decimal_escape(octets[i], escape.data());
      out.append(escape.data(), escape.size());
    }
  }
  flush(octets.size());
}

}  // namespace

void append_hex_number(uint16_t value, std::string& out) {
  std::array<char, 4> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16);
  out.append(digits.data(), end);
}

void append_address4(std::span<const std::byte> octets, std::string& out) {
  std::array<char, 16> text;
  char* to = text.data();
  for (size_t i = 0; i < 4; ++i) {
    const OctetText& octet = kOctets[std::to_integer<size_t>(octets[i])];
    std::copy_n(octet.text.data(), 4, to);
    to += octet.size;
  }
  out.append(text.data(), static_cast<size_t>(to - text.data()) - 1);
}

void append_address6(std::span<const std::byte> octets, std::string& out) {
  std::array<uint16_t, kWords> words;
  for (size_t i = 0; i < kWords; ++i) words[i] = read_u16(octets, 2 * i);
  const Run zeros = longest_zero_run(words);
  const bool dotted = ends_in_address4(words, zeros);
  const size_t end = dotted ? 6 : kWords;
  for (size_t i = 0; i < end; ++i) {
    if (zeros.size != 0 && i == zeros.begin) {
      out.append("::");
      i = std::min(end, zeros.begin + zeros.size) - 1;
      continue;
    }
    append_hex_number(words[i], out);
    if (i + 1 < kWords && (i + 1 != zeros.begin || zeros.size == 0)) out.push_back(':');
  }
  if (dotted) append_address4(octets.subspan(12), out);
}

void append_hex(std::span<const std::byte> octets, size_t block, std::string& out,
                HexCase hex_case) {
  const std::string_view digits =
      hex_case == HexCase::upper ? "0123456789ABCDEF" : "0123456789abcdef";
  size_t written = 0;
  for (const std::byte octet : octets) {
    if (block != limits::kUnsplit && written != 0 && written % block == 0) out.push_back(' ');
    out.push_back(digits[std::to_integer<size_t>(octet >> 4)]);
    out.push_back(digits[std::to_integer<size_t>(octet & std::byte{0xF})]);
    written += 2;
  }
}

void append_base64(std::span<const std::byte> octets, size_t block, std::string& out) {
  size_t written = 0;
  for (size_t i = 0; i < octets.size(); i += 3) {
    if (block != limits::kUnsplit && written != 0 && written % block == 0) out.push_back(' ');
    const size_t have = std::min<size_t>(3, octets.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < have ? std::to_integer<uint32_t>(octets[i + k]) : 0);
    }
    for (size_t k = 0; k < 4; ++k) {
      out.push_back(k <= have ? kBase64Digits[group >> (18 - 6 * k) & 63] : '=');
    }
    written += 4;
  }
}

void append_base32hex(std::span<const std::byte> octets, std::string& out) {
  uint32_t bits = 0;
  unsigned held = 0;
  for (const std::byte octet : octets) {
    bits = bits << 8 | std::to_integer<uint32_t>(octet);
    held += 8;
    for (; held >= 5; held -= 5) out.push_back(kBase32HexDigits[bits >> (held - 5) & 31]);
  }
  if (held != 0) out.push_back(kBase32HexDigits[bits << (5 - held) & 31]);
}

void append_quoted(std::span<const std::byte> octets, std::string& out) {
  out.push_back('"');
  append_escaped<'"'>(octets, out);
  out.push_back('"');
}

void append_unquoted(std::span<const std::byte> octets, std::string& out) {
  append_escaped<'\0'>(octets, out);
}

}  // namespace zonesweep::dns
