#include "tools/json_cursor.h"

#include <charconv>

namespace zonesweep::tools {

void JsonCursor::fail() {
  ok_ = false;
  text_ = {};
}

void JsonCursor::blanks() {
  while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\n')) text_.remove_prefix(1);
}

bool JsonCursor::accept(char c) {
  blanks();
  if (text_.empty() || text_.front() != c) return false;
  text_.remove_prefix(1);
  return true;
}

void JsonCursor::begin(char bracket) {
  if (!accept(bracket)) fail();
  first_ = true;
}

bool JsonCursor::more(char end) {
  if (!ok_ || accept(end)) {
    first_ = false;
    return false;
  }
  if (!first_ && !accept(',')) {
    fail();
    return false;
  }
  first_ = false;
  return true;
}

bool JsonCursor::member(std::string& key) {
  if (!more('}')) return false;
  key = string();
  if (!accept(':')) fail();
  return ok_;
}

bool JsonCursor::item() { return more(']'); }

std::string JsonCursor::string() {
  std::string out;
  if (!accept('"')) fail();
  while (ok_ && !text_.empty() && text_.front() != '"') {
    const char c = text_.front();
    text_.remove_prefix(1);
    if (c == '\\') {
      escape(out);
    } else {
      out += c;
    }
  }
  if (text_.empty()) {
    fail();
    return {};
  }
  text_.remove_prefix(1);
  return out;
}

void JsonCursor::escape(std::string& out) {
  if (text_.empty()) return fail();
  const char c = text_.front();
  text_.remove_prefix(1);
  constexpr std::string_view kWritten = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
  if (const size_t at = kWritten.find(c); at != std::string_view::npos) {
    out += kMeant[at];
    return;
  }
  uint32_t code = 0;
  const size_t size = text_.size() < 4 ? text_.size() : 4;
  const auto parsed = std::from_chars(text_.data(), text_.data() + size, code, 16);
  if (c != 'u' || size < 4 || parsed.ptr != text_.data() + 4) return fail();
  text_.remove_prefix(4);
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))};
  } else {  // only single code units are ever written so
    out += {static_cast<char>(0xe0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3f)),
            static_cast<char>(0x80 | (code & 0x3f))};
  }
}

uint64_t JsonCursor::number() {
  blanks();
  uint64_t value = 0;
  const auto parsed = std::from_chars(text_.data(), text_.data() + text_.size(), value);
  if (parsed.ec != std::errc{}) {
    fail();
    return 0;
  }
  text_.remove_prefix(static_cast<size_t>(parsed.ptr - text_.data()));
  return value;
}

bool JsonCursor::boolean() {
  blanks();
  const bool value = text_.starts_with("true");
  if (!value && !text_.starts_with("false")) {
    fail();
    return false;
  }
  text_.remove_prefix(value ? 4 : 5);
  return value;
}

void JsonCursor::skip() {
  uint32_t depth = 0;
  do {
    blanks();
    if (text_.empty()) return fail();
    const char c = text_.front();
    if (c == '"') {
      (void)string();
      continue;
    }
    text_.remove_prefix(1);
    if (c == '{' || c == '[') depth++;
    if (c == '}' || c == ']') {
      if (depth == 0) return fail();
      depth--;
      continue;
    }
    if (depth > 0 || c == '{' || c == '[') continue;
    // A number or a word at the top: up to what ends it.
    const size_t end = text_.find_first_of(",}] \n");
    text_.remove_prefix(end == std::string_view::npos ? text_.size() : end);
  } while (ok_ && depth > 0);
}

}  // namespace zonesweep::tools
