#include "protocols/whois/text.h"

#include <fmt/format.h>
#include <unicode/ucnv.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace zonesweep::whois {
namespace {

// What a byte sequence at `at` is: its length in bytes (0: no UTF-8), and whether it may stand.
struct Character {
  size_t size = 0;
  uint32_t code = 0;
};

[[nodiscard]] uint32_t octet(std::string_view text, size_t at) noexcept {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
}

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] Character character_at(std::string_view text, size_t at) noexcept {
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

[[nodiscard]] bool must_be_escaped(uint32_t code) noexcept {
  if (code < 0x20) return code != '\t' && code != '\n' && code != '\r';
  return (code >= 0x7F && code < 0xA0) || code == 0x200E || code == 0x200F || code == 0x061C ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

// True when the eight bytes are printable ASCII, tab or line ends: nothing to look at.
[[nodiscard]] bool plain_word(const char* bytes) noexcept {
  uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  constexpr uint64_t kHigh = 0x8080808080808080U;
  constexpr uint64_t kOnes = 0x0101010101010101U;
  if ((word & kHigh) != 0) return false;
  const uint64_t below_blank = (word - kOnes * 0x20U) & ~word & kHigh;
  const uint64_t del = word ^ (kOnes * 0x7FU);
  const uint64_t is_del = (del - kOnes) & ~del & kHigh;
  return (below_blank | is_del) == 0;
}

struct Findings {
  bool utf8 = true;
  bool clean = true;    // nothing to escape
  bool shifts = false;  // escape sequences of ISO-2022
  bool nul = false;
};

[[nodiscard]] Findings look_at(std::string_view text) noexcept {
  Findings found;
  for (size_t at = 0; at < text.size();) {
    if (at + 8 <= text.size() && plain_word(text.data() + at)) {
      at += 8;
      continue;
    }
    const Character character = character_at(text, at);
    if (character.size == 0) {
      found.utf8 = false;
      ++at;
      continue;
    }
    if (character.code == 0x1B && (octet(text, at + 1) == '$' || octet(text, at + 1) == '(')) {
      found.shifts = true;
    }
    if (character.code == 0) found.nul = true;
    if (must_be_escaped(character.code)) found.clean = false;
    at += character.size;
  }
  return found;
}

[[nodiscard]] bool any_octet(std::string_view text, uint32_t from, uint32_t to) noexcept {
  return std::ranges::any_of(text, [&](char c) {
    const auto value = static_cast<unsigned char>(c);
    return value >= from && value <= to;
  });
}

// Families of charsets that a byte tells apart.
[[nodiscard]] std::string_view refine(std::string_view charset, std::string_view bytes) noexcept {
  if (charset == "central-european") {
    return any_octet(bytes, 0x80, 0x9F) ? "windows-1250" : "iso-8859-2";
  }
  if (charset == "japanese") {
    // EUC-JP has no octet from 0x80 to 0xA0 but its two shifts, 0x8E and 0x8F.
    return any_octet(bytes, 0x80, 0x8D) || any_octet(bytes, 0x90, 0xA0) ? "shift_jis" : "euc-jp";
  }
  return charset.empty() ? "windows-1252" : charset;
}

constexpr std::string_view kUtf8Bom = "\xEF\xBB\xBF";
constexpr std::string_view kUtf16Marks[] = {"\xFF\xFE", "\xFE\xFF"};

}  // namespace

struct TextReader::Converter {
  std::string name;
  UConverter* handle = nullptr;
  UConverter* utf8 = nullptr;

  ~Converter() {
    if (handle != nullptr) ucnv_close(handle);
    if (utf8 != nullptr) ucnv_close(utf8);
  }
  [[nodiscard]] bool open(std::string_view wanted) {
    UErrorCode status = U_ZERO_ERROR;
    if (utf8 == nullptr) utf8 = ucnv_open("UTF-8", &status);
    if (handle != nullptr && name == wanted) return U_SUCCESS(status) != 0;
    if (handle != nullptr) ucnv_close(handle);
    name = wanted;
    handle = ucnv_open(name.c_str(), &status);
    return U_SUCCESS(status) != 0;
  }
};

TextReader::TextReader() : converter_(std::make_unique<Converter>()) {}
TextReader::~TextReader() = default;

std::expected<std::span<const Line>, TextError> TextReader::read(std::string_view answer,
                                                                 std::string_view charset) {
  if (answer.size() > limits::kAnswerBytes) return std::unexpected(TextError::answer_too_long);
  if (answer.starts_with(kUtf8Bom)) answer.remove_prefix(kUtf8Bom.size());
  Findings found = look_at(answer);
  const bool utf16 = answer.size() >= 4 && std::ranges::any_of(kUtf16Marks, [&](auto mark) {
                       return answer.starts_with(mark);
                     });
  if (utf16 || found.shifts || !found.utf8) {
    const std::string_view name = utf16                        ? "UTF-16"
                                  : found.shifts && found.utf8 ? "ISO-2022-JP"
                                                               : refine(charset, answer);
    if (!decode(answer, name)) return std::unexpected(TextError::binary);
    answer = decoded_;
    found = look_at(answer);
  }
  if (found.nul) return std::unexpected(TextError::binary);
  if (!found.clean) {
    escape(answer);
    answer = escaped_;
  }
  if (const auto done = cut(answer); !done) return std::unexpected(done.error());
  return std::span<const Line>{lines_};
}

bool TextReader::decode(std::string_view bytes, std::string_view charset) {
  if (!converter_->open(charset)) return false;
  decoded_.resize(bytes.size() * 4 + 16);  // no legacy charset needs more octets in UTF-8
  UErrorCode status = U_ZERO_ERROR;
  char* target = decoded_.data();
  const char* source = bytes.data();
  std::array<UChar, 1024> pivot;
  UChar* pivot_source = pivot.data();
  UChar* pivot_target = pivot.data();
  ucnv_convertEx(converter_->utf8, converter_->handle, &target, decoded_.data() + decoded_.size(),
                 &source, bytes.data() + bytes.size(), pivot.data(), &pivot_source, &pivot_target,
                 pivot.data() + pivot.size(), /*reset=*/1, /*flush=*/1, &status);
  if (U_FAILURE(status)) return false;
  decoded_.resize(static_cast<size_t>(target - decoded_.data()));
  return true;
}

void TextReader::escape(std::string_view text) {
  escaped_.clear();
  for (size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    const size_t size = std::max<size_t>(character.size, 1);
    if (character.size == 0 || !must_be_escaped(character.code)) {
      escaped_.append(text.substr(at, size));
    } else if (character.code < 0x100) {
      fmt::format_to(std::back_inserter(escaped_), "\\x{:02x}", character.code);
    } else if (character.code != 0xFEFF) {
      fmt::format_to(std::back_inserter(escaped_), "\\u{{{:x}}}", character.code);
    }
    at += size;
  }
}

namespace {

[[nodiscard]] bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

[[nodiscard]] Line line_of(std::string_view text) noexcept {
  Line line;
  size_t at = 0;
  for (; at < text.size() && is_blank(text[at]); ++at) {
    line.indent = text[at] == '\t' ? (line.indent / 8 + 1) * 8 : line.indent + 1;
  }
  size_t end = text.size();
  while (end > at && is_blank(text[end - 1])) --end;
  text = text.substr(at, end - at);
  if (!text.empty() &&
      (text[0] == '%' || text[0] == '#' || text[0] == ';' || text.starts_with(">>>"))) {
    line.comment = true;
    const size_t body = text.find_first_not_of("%#;> \t");
    text.remove_prefix(body == std::string_view::npos ? text.size() : body);
  }
  line.text = text;
  return line;
}

}  // namespace

// CR, LF, CRLF and CRCRLF each end one line.
std::expected<void, TextError> TextReader::cut(std::string_view text) {
  lines_.clear();
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view piece = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!piece.empty() && piece.back() == '\r') piece.remove_suffix(1);
    for (;;) {
      const size_t cr = std::min(piece.find('\r'), piece.size());
      if (cr > limits::kLineBytes) return std::unexpected(TextError::line_too_long);
      if (lines_.size() == limits::kLines) return std::unexpected(TextError::too_many_lines);
      lines_.push_back(line_of(piece.substr(0, cr)));
      if (cr == piece.size()) break;
      piece.remove_prefix(cr + 1);
    }
  }
  return {};
}

}  // namespace zonesweep::whois
