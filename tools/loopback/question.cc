#include "tools/loopback/question.h"

#include <algorithm>

namespace zonesweep::loopback {
namespace {

constexpr uint16_t kReply = 0x8000;
constexpr uint16_t kOpcode = 0x7800;
constexpr uint16_t kTypeOpt = 41;
constexpr size_t kOptBytes = 11;  // up to its RDATA

uint16_t u16(std::span<const std::byte> in, size_t at) {
  return static_cast<uint16_t>(std::to_integer<unsigned>(in[at]) << 8U |
                               std::to_integer<unsigned>(in[at + 1]));
}

// What becomes of one octet of a label: its lower case as it is, behind a backslash, or as \DDD.
enum class Escape : uint8_t { plain, backslash, decimal };

constexpr Escape escape_of(unsigned char octet) {
  if (octet <= 0x20 || octet >= 0x7f) return Escape::decimal;
  return std::string_view{"\"().;\\@$"}.find(static_cast<char>(octet)) != std::string_view::npos
             ? Escape::backslash
             : Escape::plain;
}

struct Octet {
  char text;
  Escape escape;
};
constexpr auto kOctets = [] {
  std::array<Octet, 256> table{};
  for (unsigned i = 0; i < table.size(); ++i) {
    const bool upper = i >= 'A' && i <= 'Z';
    table[i] = {static_cast<char>(upper ? i + 32 : i), escape_of(static_cast<unsigned char>(i))};
  }
  return table;
}();

}  // namespace

Question::Outcome Question::read(std::span<const std::byte> query) {
  if (query.size() < limits::kHeaderBytes) return Outcome::ignored;
  id = u16(query, 0);
  flags = u16(query, 2);
  edns = dnssec_ok = false;
  udp_payload = 512;
  edns_version = 0;
  if ((flags & kReply) != 0) return Outcome::ignored;
  if ((flags & kOpcode) != 0) return Outcome::bad_kind;
  if (u16(query, 4) != 1 || !read_name(query)) return Outcome::bad_form;
  type = u16(query, end - 4);
  klass = u16(query, end - 2);
  if (u16(query, 10) > 0) read_opt(query);
  return Outcome::good;
}

bool Question::read_name(std::span<const std::byte> query) {
  text_size_ = 0;
  last_label = limits::kHeaderBytes;
  size_t at = limits::kHeaderBytes;
  while (at < query.size() && query[at] != std::byte{0}) {
    const auto length = std::to_integer<size_t>(query[at]);
    if (length > 63 || at + 1 + length >= query.size()) return false;
    last_label = at;
    if (!read_label(query.subspan(at + 1, length))) return false;
    at += 1 + length;
  }
  end = at + 5;
  return at - limits::kHeaderBytes < limits::kNameBytes && end <= query.size();
}

bool Question::read_label(std::span<const std::byte> label) {
  if (text_size_ + 1 + 4 * label.size() > text_.size()) return false;
  char* out = text_.data() + text_size_;
  if (text_size_ != 0) *out++ = '.';
  for (const std::byte octet : label) {
    const auto value = std::to_integer<unsigned char>(octet);
    const Octet shape = kOctets[value];
    if (shape.escape != Escape::plain) *out++ = '\\';
    if (shape.escape == Escape::decimal) {
      *out++ = static_cast<char>('0' + value / 100);
      *out++ = static_cast<char>('0' + value / 10 % 10);
      *out++ = static_cast<char>('0' + value % 10);
    } else {
      *out++ = shape.text;
    }
  }
  text_size_ = static_cast<size_t>(out - text_.data());
  return true;
}

// Clients put the OPT first behind the question; one elsewhere is not seen.
void Question::read_opt(std::span<const std::byte> query) {
  const bool there = query.size() >= end + kOptBytes && query[end] == std::byte{0} &&
                     u16(query, end + 1) == kTypeOpt;
  if (!there) return;
  edns = true;
  udp_payload = std::max<uint16_t>(512, u16(query, end + 3));
  edns_version = std::to_integer<uint8_t>(query[end + 6]);
  dnssec_ok = (query[end + 7] & std::byte{0x80}) != std::byte{0};
}

}  // namespace zonesweep::loopback
