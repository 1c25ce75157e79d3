#include "engine/json_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstring>

namespace zonesweep::engine {
namespace {

constexpr int64_t kSecond = 1'000'000;         // microseconds
constexpr int64_t kTimeMin = -62'167'219'200;  // 0000-01-01
constexpr int64_t kTimeMax = 253'402'300'799;  // 9999-12-31T23:59:59
constexpr std::string_view kHex = "0123456789abcdef";

constexpr uint64_t kOnes = 0x0101010101010101;
constexpr uint64_t kHighBits = 0x8080808080808080;

constexpr uint64_t zero_bytes(uint64_t v) noexcept { return (v - kOnes) & ~v & kHighBits; }

// Of printable ASCII, only these two need an escape.
bool has_special(std::string_view text) noexcept {
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t v;
    std::memcpy(&v, text.data() + i, sizeof v);
    if ((zero_bytes(v ^ (kOnes * '"')) | zero_bytes(v ^ (kOnes * '\\'))) != 0) return true;
  }
  return std::any_of(text.begin() + static_cast<ptrdiff_t>(i), text.end(),
                     [](char c) { return c == '"' || c == '\\'; });
}

// One character of well-formed UTF-8 (Unicode table 3-7) at the front of a text.
struct Character {
  char32_t code = 0;
  size_t size = 0;  // 0: malformed
};

Character decode(std::string_view text) noexcept {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = at(0);
  if (first < 0x80) return {first, 1};
  const size_t size = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  if (size == 0 || text.size() < size) return {};
  char32_t code = first & (0x7Fu >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xC0) != 0x80) return {};
    code = code << 6 | (at(i) & 0x3F);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  return overlong || surrogate || code > 0x10FFFF ? Character{} : Character{code, size};
}

// Characters that change how the text around them is shown, or hide it. All are below U+10000.
bool is_control(char32_t c) noexcept {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x61C || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||
         (c >= 0xFFF9 && c <= 0xFFFB);
}

void append_unicode_escape(char32_t c, std::string& out) {
  const std::array<char, 6> text = {
      '\\', 'u', kHex[c >> 12 & 15], kHex[c >> 8 & 15], kHex[c >> 4 & 15], kHex[c & 15]};
  out.append(text.data(), text.size());
}

void append_decimal_escape(unsigned char byte, std::string& out) {
  const std::array<char, 5> text = {'\\', '\\', static_cast<char>('0' + byte / 100),
                                    static_cast<char>('0' + byte / 10 % 10),
                                    static_cast<char>('0' + byte % 10)};
  out.append(text.data(), text.size());
}

constexpr bool is_plain(char c) noexcept { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

void put_digits(int64_t value, size_t width, char* to) noexcept {
  for (size_t i = width; i-- > 0; value /= 10) to[i] = static_cast<char>('0' + value % 10);
}

// "2026-08-01T12:34:56." of one second; rows come in order of time, so it is nearly always the last
// one.
struct SecondText {
  int64_t second = INT64_MIN;
  std::array<char, 20> text;
};

void format_second(int64_t second, SecondText& cached) noexcept {
  using namespace std::chrono;
  const sys_seconds time{seconds{second}};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const int64_t in_day = (time - day).count();
  char* const to = cached.text.data();
  std::memcpy(to, "0000-00-00T00:00:00.", cached.text.size());
  put_digits(int{date.year()}, 4, to);
  put_digits(unsigned{date.month()}, 2, to + 5);
  put_digits(unsigned{date.day()}, 2, to + 8);
  put_digits(in_day / 3'600, 2, to + 11);
  put_digits(in_day / 60 % 60, 2, to + 14);
  put_digits(in_day % 60, 2, to + 17);
  cached.second = second;
}

}  // namespace

void append_json_text(std::string_view bytes, std::string& out) {
  size_t i = 0;
  while (i < bytes.size()) {
    size_t plain = i;
    while (plain < bytes.size() && is_plain(bytes[plain])) ++plain;
    out.append(bytes.substr(i, plain - i));
    i = plain;
    if (i == bytes.size()) return;
    const Character c = decode(bytes.substr(i));
    if (c.size == 0 || c.code == 0) {
      append_decimal_escape(static_cast<unsigned char>(bytes[i]), out);
      ++i;
      continue;
    }
    if (c.code == '"' || c.code == '\\') out.push_back('\\');
    if (is_control(c.code)) {
      append_unicode_escape(c.code, out);
    } else {
      out.append(bytes.substr(i, c.size));
    }
    i += c.size;
  }
}

void escape_json_tail(std::string& out, size_t from) {
  const std::string_view tail = std::string_view(out).substr(from);
  if (!has_special(tail)) return;
  const auto specials = static_cast<size_t>(
      std::count_if(tail.begin(), tail.end(), [](char c) { return c == '"' || c == '\\'; }));
  size_t read = out.size();
  out.resize(out.size() + specials);
  size_t write = out.size();
  while (write != read) {  // backwards; once they meet, the rest stands where it should
    const char c = out[--read];
    out[--write] = c;
    if (c == '"' || c == '\\') out[--write] = '\\';
  }
}

void append_json_time(int64_t unix_us, std::string& out) {
  thread_local SecondText cached;
  int64_t second = unix_us / kSecond;
  int64_t fraction = unix_us % kSecond;
  if (fraction < 0) {
    fraction += kSecond;
    --second;
  }
  second = std::clamp(second, kTimeMin, kTimeMax);
  if (second != cached.second) format_second(second, cached);
  std::array<char, 29> text;
  text.front() = '"';
  std::memcpy(text.data() + 1, cached.text.data(), cached.text.size());
  put_digits(fraction, 6, text.data() + 21);
  text[27] = 'Z';
  text[28] = '"';
  out.append(text.data(), text.size());
}

void append_json_number(uint64_t value, std::string& out) {
  std::array<char, 20> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), static_cast<size_t>(end - digits.data()));
}

}  // namespace zonesweep::engine
