// protocols/whois/text.h - the bytes of an answer as clean text, cut into lines.
//
// Threads:    none; one TextReader per parser.
// Invariants: (1) the text is valid UTF-8 whatever the bytes were; (2) it has no control character
//             but tab and line ends, and no character that turns the direction of writing: they
//             stand as \xNN or \u{N}; (3) time is linear in the bytes.
// Ownership:  lines borrow from the answer, or from the reader where it had to be rewritten; they
//             live until the next read().
// Units:      sizes are bytes.
// Errors:     TextError.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zonesweep::whois {

namespace limits {
inline constexpr size_t kAnswerBytes = 1024 * 1024;  // FAULTS 3.4; real answers have at most 60 KB
inline constexpr size_t kLineBytes = 64 * 1024;      // FAULTS 3.4
inline constexpr size_t kLines = 200'000;            // FAULTS W16
}  // namespace limits

enum class TextError : uint8_t {
  answer_too_long,
  line_too_long,
  too_many_lines,
  binary,  // NUL bytes, or bytes that no charset explains
};

struct Line {
  std::string_view text;  // without blanks at both ends and without the mark of a comment
  uint32_t indent = 0;    // blanks before it; a tab counts to the next multiple of 8
  bool comment = false;   // begins with %, # or >>>
  [[nodiscard]] bool blank() const noexcept { return text.empty(); }
};

class TextReader {
 public:
  TextReader();
  ~TextReader();

  // `charset`: that of the server, for bytes that are not UTF-8; empty: western European.
  [[nodiscard]] std::expected<std::span<const Line>, TextError> read(std::string_view answer,
                                                                     std::string_view charset);

 private:
  [[nodiscard]] bool decode(std::string_view bytes, std::string_view charset);
  [[nodiscard]] std::expected<void, TextError> cut(std::string_view text);

  struct Converter;
  std::vector<Line> lines_;
  std::string decoded_;
  std::string escaped_;
  std::unique_ptr<Converter> converter_;
};

}  // namespace zonesweep::whois
