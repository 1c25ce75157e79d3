#include "protocols/zone/name_text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace zonesweep::zone {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

constexpr bool is_name_byte(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || is_digit(c) || c == '-' || c == '_' || c == '*';
}

Verdict illegal(Illegal reason) { return {InputName::Kind::illegal, reason, 0}; }

Illegal why_forbidden(std::string_view text) {
  if (text.find("://") != text.npos) return Illegal::url;
  if (text.find('@') != text.npos && text.find_first_of(" \t") == text.npos) return Illegal::email;
  return Illegal::not_a_name;
}

bool is_below_arpa(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  constexpr std::string_view suffix = ".arpa";
  return text.size() > suffix.size() &&
         std::ranges::equal(text.substr(text.size() - suffix.size()), suffix,
                            [](char a, char b) { return lower(a) == b; });
}

// Collects labels; the first fault sticks, and later calls do nothing.
class WireWriter {
 public:
  explicit WireWriter(std::span<char, limits::kWireName> wire) : wire_(wire) {}

  void octet(char c) {
    if (at_ - label_ > limits::kLabel) return fail(Illegal::label_too_long);
    if (at_ == limits::kWireName) return fail(Illegal::name_too_long);
    wire_[at_++] = c;
  }
  void end_label() {
    const size_t size = at_ - label_ - 1;
    if (size == 0) return fail(Illegal::empty_label);
    wire_[label_] = static_cast<char>(size);
    if (at_ == limits::kWireName) return fail(Illegal::name_too_long);
    label_ = at_++;
  }
  [[nodiscard]] bool in_label() const { return at_ - label_ > 1; }
  [[nodiscard]] Verdict finish() {
    if (in_label()) end_label();
    if (fault_ != Illegal::none) return illegal(fault_);
    wire_[label_] = 0;
    return {InputName::Kind::name, Illegal::none, static_cast<uint8_t>(label_ + 1)};
  }
  void fail(Illegal reason) {
    if (fault_ == Illegal::none) fault_ = reason;
    at_ = label_ + 1;
  }
  [[nodiscard]] bool failed() const { return fault_ != Illegal::none; }

 private:
  std::span<char, limits::kWireName> wire_;
  size_t label_ = 0;  // where the length of the open label goes
  size_t at_ = 1;
  Illegal fault_ = Illegal::none;
};

// The octet that the escape after `text[i] == '\\'` stands for; moves `i` to its last byte. -1: bad
// escape.
int escaped(std::string_view text, size_t& i) {
  if (i + 1 >= text.size()) return -1;
  if (!is_digit(text[i + 1])) {
    const auto byte = static_cast<unsigned char>(text[++i]);
    return byte > ' ' && byte < 0x7f ? byte : -1;
  }
  if (i + 3 >= text.size() || !is_digit(text[i + 2]) || !is_digit(text[i + 3])) return -1;
  const int value = (text[i + 1] - '0') * 100 + (text[i + 2] - '0') * 10 + (text[i + 3] - '0');
  i += 3;
  return value <= 255 ? value : -1;
}

// A byte that cannot stand in a name outranks a length: it says what the text really is.
Illegal forbidden_byte(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_name_byte(c) || c == '.') continue;
    if (c == '/' && is_below_arpa(text)) continue;
    if (c != '\\') return why_forbidden(text);
    if (escaped(text, i) < 0) return Illegal::bad_escape;
  }
  return Illegal::none;
}

Verdict read_ascii(std::string_view text, std::span<char, limits::kWireName> wire) {
  if (const Illegal reason = forbidden_byte(text); reason != Illegal::none) return illegal(reason);
  if (text.empty()) return illegal(Illegal::empty_label);  // UTS 46 may leave nothing
  WireWriter out(wire);
  if (text == ".") return out.finish();
  for (size_t i = 0; i < text.size() && !out.failed(); ++i) {
    if (text[i] == '.') {
      out.end_label();
    } else {
      out.octet(text[i] == '\\' ? static_cast<char>(escaped(text, i)) : text[i]);
    }
  }
  return out.finish();
}

char* put_label(char* at, std::string_view label) {
  *at++ = static_cast<char>(label.size());
  return std::ranges::copy(label, at).out;
}

uint8_t reverse_v4(const std::array<unsigned char, 16>& address, char* wire) {
  char* at = wire;
  for (size_t i = 4; i-- > 0;) {
    std::array<char, 3> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + 3, address[i]).ptr;
    at = put_label(at, {digits.data(), end});
  }
  at = put_label(put_label(at, "in-addr"), "arpa");
  *at++ = 0;
  return static_cast<uint8_t>(at - wire);
}

uint8_t reverse_v6(const std::array<unsigned char, 16>& address, char* wire) {
  constexpr std::string_view digits = "0123456789abcdef";
  char* at = wire;
  for (size_t i = 16; i-- > 0;) {
    at = put_label(at, digits.substr(address[i] & 15, 1));
    at = put_label(at, digits.substr(address[i] >> 4, 1));
  }
  at = put_label(put_label(at, "ip6"), "arpa");
  *at++ = 0;
  return static_cast<uint8_t>(at - wire);
}

}  // namespace

bool reverse_name(std::string_view text, std::span<char, limits::kWireName> wire,
                  uint8_t& wire_size) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != text.npos) return false;
  std::ranges::copy(text, terminated.begin());
  std::array<unsigned char, 16> address{};
  if (inet_pton(AF_INET, terminated.data(), address.data()) == 1) {
    wire_size = reverse_v4(address, wire.data());
    return true;
  }
  if (inet_pton(AF_INET6, terminated.data(), address.data()) == 1) {
    wire_size = reverse_v6(address, wire.data());
    return true;
  }
  return false;
}

Verdict NameReader::read(std::string_view text, std::span<char, limits::kWireName> wire) {
  if (uint8_t size = 0; reverse_name(text, wire, size)) {
    return {InputName::Kind::address, Illegal::none, size};
  }
  const bool ascii =
      std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  return ascii ? read_ascii(text, wire) : read_unicode(text, wire);
}

Verdict NameReader::read_unicode(std::string_view text, std::span<char, limits::kWireName> wire) {
  if (!is_utf8(text)) return illegal(Illegal::bad_utf8);
  // What an escape would mean inside a U-label is nowhere written down.
  if (text.find('\\') != text.npos) return illegal(Illegal::bad_idna);
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80 && !is_name_byte(c) && c != '.')
      return illegal(why_forbidden(text));
  }
  const auto ascii = idna_.to_ascii(text, ascii_);
  if (!ascii) return illegal(ascii.error());
  return read_ascii(*ascii, wire);
}

void NameReader::append(std::string_view text, Output& out, Counts& counts) {
  const auto input_size = static_cast<uint16_t>(text.size());
  char* room = out.block.arena.room(input_size + limits::kWireName);
  std::ranges::copy(text, room);
  const Verdict verdict =
      read(text, std::span<char, limits::kWireName>(room + input_size, limits::kWireName));
  const uint32_t at = out.block.arena.size();
  out.block.arena.commit(input_size + verdict.wire_size);
  out.block.names.push_back({.seq = out.seq++,
                             .input_at = at,
                             .wire_at = at + input_size,
                             .input_size = input_size,
                             .wire_size = verdict.wire_size,
                             .kind = verdict.kind,
                             .reason = verdict.reason});
  ++counts.names;
  counts.illegal += verdict.kind == InputName::Kind::illegal;
}

void append_illegal(std::string_view text, Illegal reason, Output& out, Counts& counts) {
  const auto size = static_cast<uint16_t>(std::min(text.size(), limits::kLineBytes));
  std::copy_n(text.data(), size, out.block.arena.room(size));
  const uint32_t at = out.block.arena.size();
  out.block.arena.commit(size);
  out.block.names.push_back({.seq = out.seq++,
                             .input_at = at,
                             .wire_at = at + size,
                             .input_size = size,
                             .kind = InputName::Kind::illegal,
                             .reason = reason});
  ++counts.names;
  ++counts.illegal;
}

}  // namespace zonesweep::zone
