// protocols/zone/csv.h - one column of CSV text (RFC 4180, any of `,` `;` TAB) to names.
//
// Every row that is not blank gives exactly one name; the header and `#` lines before the first row
// do not. Limits: a row of kRowBytes; beyond it, and where a quote does not close, the first line
// of the row is
//             one illegal name and reading goes on with the line below.
// Errors:     only for the column: it does not exist, or cannot be guessed.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/zone/name_text.h"
#include "protocols/zone/parser.h"

namespace zonesweep::zone {

namespace limits {
inline constexpr size_t kRowBytes =
    64 * 1024;  // one row, quoted newlines included; a quarter of kTextPieceBytes
inline constexpr size_t kColumns = 1'024;  // the highest column that may be chosen
}  // namespace limits

struct CsvOptions {
  std::string column;          // header name or number from 1; empty: guessed
  std::optional<bool> header;  // empty: guessed
};

class CsvParser final : public Parser {
 public:
  explicit CsvParser(CsvOptions options) : options_(std::move(options)) {}
  [[nodiscard]] std::expected<Step, TextError> parse(TextBuffer& in, Output& out) override;

 private:
  enum class Form : uint8_t {
    whole,
    incomplete,  // needs more text
    bad_quotes,
    too_long,  // and its end is not in sight
  };
  struct Row {
    Form form = Form::incomplete;
    size_t size = 0;  // with its newline
    bool has_cell = false;
    std::string_view cell{};  // of the column, blanks trimmed, quotes undone
  };
  using Rows = std::vector<std::vector<std::string>>;

  [[nodiscard]] std::optional<TextError> begin(std::string_view text);
  [[nodiscard]] Rows sample(std::string_view text);
  [[nodiscard]] std::optional<TextError> choose(const Rows& rows);
  [[nodiscard]] std::optional<TextError> choose_named(const Rows& rows);
  [[nodiscard]] bool guess_column(const Rows& rows, bool addresses);
  void guess_header(const Rows& rows);
  [[nodiscard]] bool looks_like_name(std::string_view cell, bool addresses);

  [[nodiscard]] Row row_at(std::string_view text, size_t column, bool ended);
  [[nodiscard]] Row plain_row(std::string_view line, size_t column) const;
  [[nodiscard]] Row quoted_row(std::string_view text, size_t line_size, size_t column, bool ended);
  [[nodiscard]] size_t closing_quote(std::string_view text, size_t from, bool one_line) const;
  [[nodiscard]] std::string_view unquoted(std::string_view cell);
  void append(const Row& row, std::string_view text, Output& out);

  CsvOptions options_;
  NameReader names_;
  std::string scratch_;
  bool begun_ = false;
  bool leading_ = true;  // before the first row: `#` lines are comments
  bool header_ = false;
  bool discarding_ = false;
  char separator_ = ',';
  size_t column_ = 0;
  uint64_t at_ = 0;  // position of the next row in the whole text
  uint64_t one_line_until_ =
      0;  // a quote before did not close up to here: until then a row is a line
};

}  // namespace zonesweep::zone
