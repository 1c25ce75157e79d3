// protocols/whois/tables.h - reading the tab-separated tables that are compiled in.
//
// Threads:    none.
// Invariants: the tables are ours and right: an error in them is a bug, and a test reads each.
// Ownership:  pieces borrow from the text.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <string_view>

namespace zonesweep::whois {

namespace data {
extern const std::string_view k_labels_tsv;
extern const std::string_view k_label_words_tsv;
extern const std::string_view k_outcomes_tsv;
extern const std::string_view k_words_tsv;
extern const std::string_view k_conventions_tsv;
extern const std::string_view k_servers_tsv;
}  // namespace data

// The parts of a text between separators; an empty text has one empty part.
class Pieces {
 public:
  Pieces(std::string_view text, char separator) noexcept : left_(text), separator_(separator) {}
  bool next() noexcept {
    if (done_) return false;
    const size_t end = left_.find(separator_);
    piece_ = left_.substr(0, end);
    done_ = end == std::string_view::npos;
    if (!done_) left_.remove_prefix(end + 1);
    return true;
  }
  [[nodiscard]] std::string_view piece() const noexcept { return piece_; }

 private:
  std::string_view left_;
  std::string_view piece_;
  char separator_;
  bool done_ = false;
};

// The rows of a table; empty lines and comments (#) left out.
class TableReader {
 public:
  static constexpr size_t kColumnsMax = 6;

  explicit TableReader(std::string_view text) noexcept : lines_(text, '\n') {}
  bool next() noexcept {
    while (lines_.next()) {
      if (lines_.piece().empty() || lines_.piece()[0] == '#') continue;
      columns_ = 0;
      for (Pieces cells{lines_.piece(), '\t'}; cells.next();) {
        assert(columns_ < kColumnsMax);
        cells_[columns_++] = cells.piece();
      }
      return true;
    }
    return false;
  }
  [[nodiscard]] size_t columns() const noexcept { return columns_; }
  [[nodiscard]] std::string_view column(size_t index) const noexcept {
    assert(index < columns_);
    return cells_[index];
  }

 private:
  Pieces lines_;
  std::array<std::string_view, kColumnsMax> cells_;
  size_t columns_ = 0;
};

}  // namespace zonesweep::whois
