#include "protocols/zone/csv.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "protocols/zone/sniff.h"
#include "protocols/zone/words.h"

namespace zonesweep::zone {
namespace {

constexpr size_t kSampleRows = 10;
constexpr std::array<std::string_view, 5> kNameHeaders{"domain", "name", "host", "hostname",
                                                       "fqdn"};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const size_t first = text.find_first_not_of(blanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) + 1 - first);
}

bool equal_folded(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const auto& word : words) all += (all.empty() ? "" : ", ") + word;
  return all;
}

}  // namespace

std::expected<Step, TextError> CsvParser::parse(TextBuffer& in, Output& out) {
  std::string_view text = in.text();
  const auto take = [&](size_t n) {
    text.remove_prefix(n);
    in.consume(n);
    at_ += n;
  };
  if (!begun_) {
    if (!in.ended() && !can_judge(text) && text.size() < limits::kTextPieceBytes)
      return Step::need_text;
    begun_ = true;
    if (text.starts_with("\xef\xbb\xbf")) take(3);
    if (auto error = begin(text)) return std::unexpected(std::move(*error));
  }
  while (!text.empty() && !out.full()) {
    if (discarding_) {
      const size_t end = text.find('\n');
      discarding_ = end == text.npos;
      take(discarding_ ? text.size() : end + 1);
      continue;
    }
    const Row row = row_at(text, column_, in.ended());
    if (row.form == Form::incomplete) return Step::need_text;
    append(row, text.substr(0, row.size), out);
    discarding_ = row.form == Form::too_long;
    take(row.size);
  }
  if (out.full()) return Step::block_full;
  return in.ended() ? Step::ended : Step::need_text;
}

std::optional<TextError> CsvParser::begin(std::string_view text) {
  if (const char separator = separator_of(text, false); separator != 0) separator_ = separator;
  return choose(sample(text));
}

// The cells of the first rows; what is left of the text does not matter.
CsvParser::Rows CsvParser::sample(std::string_view text) {
  Rows rows;
  while (rows.size() < kSampleRows && !text.empty()) {
    Row row = row_at(text, 0, false);
    if (row.form != Form::whole) break;
    const std::string_view line = trimmed(text.substr(0, row.size));
    if (!line.empty() && !(rows.empty() && line.starts_with('#'))) {
      auto& cells = rows.emplace_back();
      while (row.has_cell && cells.size() < limits::kColumns) {
        cells.emplace_back(row.cell);
        row = row_at(text, cells.size(), false);
      }
    }
    text.remove_prefix(row.size);
  }
  one_line_until_ = 0;
  return rows;
}

std::optional<TextError> CsvParser::choose(const Rows& rows) {
  const std::string& column = options_.column;
  size_t number = 0;
  const auto parsed = std::from_chars(column.data(), column.data() + column.size(), number);
  if (!column.empty() && parsed.ec == std::errc{} && parsed.ptr == column.data() + column.size()) {
    if (number < 1 || number > limits::kColumns) {
      return TextError{0, "there is no column " + column + "; columns count from 1 to " +
                              std::to_string(limits::kColumns)};
    }
    column_ = number - 1;
    guess_header(rows);
    return std::nullopt;
  }
  if (rows.empty()) return std::nullopt;
  if (!column.empty()) return choose_named(rows);
  if (options_.header.value_or(true)) {
    for (const std::string_view known : kNameHeaders) {
      const auto found =
          std::ranges::find_if(rows[0], [&](auto& cell) { return equal_folded(cell, known); });
      if (found == rows[0].end()) continue;
      column_ = static_cast<size_t>(found - rows[0].begin());
      header_ = true;
      return std::nullopt;
    }
  }
  if (!guess_column(rows, false) && !guess_column(rows, true)) {
    return TextError{
        1, "cannot tell which column holds the names; say so with --column N or --column NAME"};
  }
  guess_header(rows);
  return std::nullopt;
}

std::optional<TextError> CsvParser::choose_named(const Rows& rows) {
  if (!options_.header.value_or(true)) {
    return TextError{1, "without a header a column has only a number: --column N"};
  }
  const auto found = std::ranges::find_if(
      rows[0], [&](auto& cell) { return equal_folded(cell, options_.column); });
  if (found == rows[0].end()) {
    return TextError{
        1, "there is no column '" + options_.column + "'; the header has: " + joined(rows[0])};
  }
  column_ = static_cast<size_t>(found - rows[0].begin());
  header_ = true;
  return std::nullopt;
}

// The first column in which at least half of the rows look like names.
bool CsvParser::guess_column(const Rows& rows, bool addresses) {
  for (size_t column = 0; column < limits::kColumns; ++column) {
    size_t with = 0;
    size_t like = 0;
    for (const auto& cells : rows) {
      if (column >= cells.size()) continue;
      ++with;
      like += looks_like_name(cells[column], addresses);
    }
    if (with == 0) return false;
    if (like * 2 >= rows.size()) {
      column_ = column;
      return true;
    }
  }
  return false;
}

// A header is a first row that does not look like a name above one that does.
void CsvParser::guess_header(const Rows& rows) {
  const auto cell = [&](size_t row) {
    return row < rows.size() && column_ < rows[row].size() ? std::string_view(rows[row][column_])
                                                           : std::string_view();
  };
  const auto known = [&](std::string_view name) { return equal_folded(name, cell(0)); };
  header_ =
      options_.header.value_or(std::ranges::any_of(kNameHeaders, known) ||
                               (!looks_like_name(cell(0), true) && looks_like_name(cell(1), true)));
}

bool CsvParser::looks_like_name(std::string_view cell, bool addresses) {
  std::array<char, limits::kWireName> wire;
  if (cell.size() < 3 || cell.size() > limits::kLineBytes) return false;
  const Verdict verdict = names_.read(cell, wire);
  if (verdict.kind == InputName::Kind::address) return addresses;
  if (verdict.kind != InputName::Kind::name) return false;
  const size_t dot = cell.find_last_of('.', cell.size() - 2);
  return dot != cell.npos && !is_digit(cell[dot + 1]);
}

// `text` is the whole row, or its first line.
void CsvParser::append(const Row& row, std::string_view text, Output& out) {
  const std::string_view whole =
      trimmed(text.substr(0, std::min(text.find('\n'), limits::kLineBytes)));
  const bool comment = leading_ && whole.starts_with('#');
  if (comment || (row.form == Form::whole && trimmed(text.substr(0, row.size - 1)).empty())) {
    ++counts_.skipped;
    return;
  }
  leading_ = false;
  if (std::exchange(header_, false)) {
    ++counts_.skipped;
  } else if (row.form == Form::bad_quotes) {
    append_illegal(whole, Illegal::bad_quotes, out, counts_);
  } else if (row.form == Form::too_long || row.cell.size() > limits::kLineBytes) {
    append_illegal(row.has_cell ? row.cell : whole, Illegal::line_too_long, out, counts_);
  } else if (!row.has_cell || row.cell.empty()) {
    append_illegal(whole, Illegal::missing_column, out, counts_);
  } else {
    names_.append(row.cell, out, counts_);
  }
}

CsvParser::Row CsvParser::row_at(std::string_view text, size_t column, bool ended) {
  const std::string_view window = text.substr(0, limits::kRowBytes);
  const size_t end = window.find('\n');
  if (end == window.npos) {
    const bool more = window.size() < limits::kRowBytes && !ended;
    return {.form = more ? Form::incomplete : Form::too_long, .size = window.size()};
  }
  const std::string_view line = text.substr(0, end);
  if (line.find('"') == line.npos) return plain_row(line, column);
  return quoted_row(window, end + 1, column, ended);
}

CsvParser::Row CsvParser::plain_row(std::string_view line, size_t column) const {
  Row row{.form = Form::whole, .size = line.size() + 1};
  for (size_t i = 0; i < column; ++i) {
    const size_t end = line.find(separator_);
    if (end == line.npos) return row;
    line.remove_prefix(end + 1);
  }
  row.has_cell = true;
  row.cell = trimmed(line.substr(0, line.find(separator_)));
  return row;
}

// The position of the quote that closes what was opened before `from`, or npos.
size_t CsvParser::closing_quote(std::string_view text, size_t from, bool one_line) const {
  if (one_line) text = text.substr(0, text.find('\n', from));
  while (true) {
    const size_t quote = text.find('"', from);
    if (quote == text.npos || quote + 1 >= text.size()) return one_line ? quote : text.npos;
    if (text[quote + 1] != '"') return quote;
    from = quote + 2;
  }
}

CsvParser::Row CsvParser::quoted_row(std::string_view text, size_t line_size, size_t column,
                                     bool ended) {
  const bool one_line = at_ < one_line_until_;
  Row row{.form = Form::bad_quotes, .size = line_size};
  for (size_t i = 0, field = 0;; ++field) {
    size_t from =
        std::min(text.find_first_not_of(separator_ == '\t' ? " " : " \t", i), text.size());
    size_t to = text.npos;
    const bool quoted = from < text.size() && text[from] == '"';
    if (quoted) {
      to = closing_quote(text, ++from, one_line);
      i = to == text.npos ? to
                          : text.find_first_not_of(separator_ == '\t' ? " \r" : " \t\r", to + 1);
    } else {
      const std::array<char, 2> ends{separator_, '\n'};
      i = to = text.find_first_of(std::string_view{ends.data(), 2}, from);
    }
    if (i == text.npos) {  // the window ends before the row does
      if (one_line) return row;
      if (text.size() < limits::kRowBytes && !ended) return {.form = Form::incomplete};
      one_line_until_ = at_ + text.size();
      return row;
    }
    if (text[i] != separator_ && text[i] != '\n') return row;
    if (field == column) {
      row.has_cell = true;
      row.cell = text.substr(from, to - from);
      row.cell = trimmed(quoted ? unquoted(row.cell) : row.cell);
    }
    if (text[i++] == '\n') {
      row.form = Form::whole;
      row.size = i;
      return row;
    }
  }
}

std::string_view CsvParser::unquoted(std::string_view cell) {
  if (cell.find('"') == cell.npos) return cell;
  scratch_.clear();
  for (size_t i = 0; i < cell.size(); ++i) {
    scratch_ += cell[i];
    if (cell[i] == '"') ++i;  // the first of two
  }
  return scratch_;
}

}  // namespace zonesweep::zone
