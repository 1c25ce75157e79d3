#include "protocols/whois/text.h"

#include <unicode/ucnv.h>

#include <algorithm>
#include <array>

#include "protocols/registration/clean_text.h"

namespace zonesweep::whois {
namespace {

using registration::Character;
using registration::character_at;
using registration::must_be_escaped;

[[nodiscard]] uint32_t octet(std::string_view text, size_t at) noexcept {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
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
    if (at + 8 <= text.size() && registration::is_plain_word(text.data() + at)) {
      at += 8;
      continue;
    }
    if (registration::is_plain(text[at])) {
      ++at;
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
    escaped_.clear();
    registration::append_escaped(answer, escaped_);
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
