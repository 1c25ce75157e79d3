#include "protocols/zone/list.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace zonesweep::zone {
namespace {

// Ordinary: what a name is made of. Each bit is a set of low halves for one or two high halves.
constexpr Classes list_classes() {
  Classes classes{};
  const auto set = [&](uint8_t bit, std::initializer_list<int> high, auto&& low) {
    for (const int h : high) classes.high[static_cast<size_t>(h)] |= bit;
    for (size_t l = 0; l < 16; ++l) {
      if (low(l)) classes.low[l] |= bit;
    }
  };
  set(0x01, {2}, [](size_t l) { return l == 0xa || l == 0xd || l == 0xe; });  // * - .
  set(0x02, {3}, [](size_t l) { return l < 0xa; });                           // digits
  set(0x04, {4, 6}, [](size_t l) { return l >= 1; });                         // A-O a-o
  set(0x08, {5}, [](size_t l) { return l < 0xb || l == 0xf; });               // P-Z _
  set(0x10, {7}, [](size_t l) { return l < 0xb; });                           // p-z
  set(0x20, {0}, [](size_t l) { return l == 0xa; });
  set(0x40, {0}, [](size_t l) { return l == 0x9 || l == 0xd; });
  set(0x80, {2}, [](size_t l) { return l == 0x0; });
  classes.newline = 0x20;
  classes.blank = 0xc0;
  classes.ordinary_or_special = 0xff;
  classes.rest_is_special = true;
  return classes;
}

constexpr Classes kClasses = list_classes();

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const size_t first = text.find_first_not_of(blanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) + 1 - first);
}

constexpr size_t kShort = 64;  // what one view of the masks holds

}  // namespace

ListParser::ListParser(Classify classify) : window_(kClasses, classify) {}

std::expected<Step, TextError> ListParser::parse(TextBuffer& in, Output& out) {
  const std::string_view text = in.text();
  const char* at = text.data();
  const char* const end = at + text.size();
  window_.reset();
  if (first_ && text.size() < 3 && !in.ended()) return Step::need_text;
  if (first_ && text.starts_with("\xef\xbb\xbf")) at += 3;  // byte order mark
  first_ = false;
  for (const char* before = nullptr; before != at && !out.full();) {
    before = at;
    at = plain_lines(at, end, out);
    if (!out.full()) at = any_line(at, end, out);
  }
  in.consume(static_cast<size_t>(at - text.data()));
  if (out.full()) return Step::block_full;
  return in.ended() ? Step::ended : Step::need_text;
}

// Lines of at most 63 bytes, all of them letters, digits, `-_*.`, with blanks only at the ends.
const char* ListParser::plain_lines(const char* at, const char* end, Output& out) {
  if (discarding_) return at;
  while (!out.full() && at < end) {
    window_.seek(at, end);
    const Masks masks = window_.at(at);
    if (masks.newline == 0) return at;
    const auto size = static_cast<unsigned>(std::countr_zero(masks.newline));
    const uint64_t content = below(size) & ~masks.blank;
    if (at + size >= end || (masks.special & below(size)) != 0) return at;
    if (content == 0) {
      ++counts_.skipped;
    } else if (!plain_name(at, content, masks.dot, out)) {
      return at;
    }
    at += size + 1;
  }
  return at;
}

// A name without special bytes is its own wire form, one byte further, with each dot replaced by
// the length of the label behind it.
bool ListParser::plain_name(const char* line, uint64_t content, uint64_t dots, Output& out) {
  const auto from = static_cast<unsigned>(std::countr_zero(content));
  const auto size = static_cast<unsigned>(std::bit_width(content)) - from;
  if (content >> from != below(size)) return false;  // blanks inside
  const char* const text = line + from;
  dots = dots >> from & below(size);
  if ((dots & (dots << 1 | 1)) != 0) return false;  // an empty label, or the root
  const uint64_t ends = text[size - 1] == '.' ? dots : dots | uint64_t{1} << size;

  char* const room = out.block.arena.room(3 * kShort);
  std::memcpy(room, text, kShort);
  char* const wire = room + size;
  std::memcpy(wire + 1, text, kShort);
  unsigned label = 0;
  unsigned last = 0;
  for (uint64_t left = ends; left != 0; left &= left - 1) {
    const auto dot = static_cast<unsigned>(std::countr_zero(left));
    wire[label] = static_cast<char>(dot - label);
    last = std::exchange(label, dot + 1);
  }
  wire[label] = 0;
  if (text[last] >= '0' && text[last] <= '9') return false;  // may be an IPv4 address

  const uint32_t at = out.block.arena.size();
  out.block.arena.commit(size + label + 1);
  out.block.names.push_back({.seq = out.seq++,
                             .input_at = at,
                             .wire_at = at + size,
                             .input_size = static_cast<uint16_t>(size),
                             .wire_size = static_cast<uint8_t>(label + 1)});
  ++counts_.names;
  return true;
}

const char* ListParser::any_line(const char* at, const char* end, Output& out) {
  if (at == end) return at;
  const auto room = static_cast<size_t>(end - at);
  const auto* newline = static_cast<const char*>(std::memchr(at, '\n', room));
  if (discarding_) {
    discarding_ = newline == nullptr;
    return discarding_ ? end : newline + 1;
  }
  if (newline == nullptr && room <= limits::kLineBytes) return at;
  const size_t size = newline == nullptr ? room : static_cast<size_t>(newline - at);
  line({at, std::min(size, limits::kLineBytes)}, size > limits::kLineBytes, out);
  discarding_ = newline == nullptr;
  return discarding_ ? end : newline + 1;
}

// `text` is the line, or its beginning when it is too long.
void ListParser::line(std::string_view text, bool too_long, Output& out) {
  text = trimmed(text);
  if (text.starts_with('#') || (text.empty() && !too_long)) {
    ++counts_.skipped;
  } else if (too_long) {
    append_illegal(text, Illegal::line_too_long, out, counts_);
  } else {
    names_.append(text, out, counts_);
  }
}

}  // namespace zonesweep::zone
