// protocols/zone/list.h - a plain list: one name a line.
//
// Skipped:    blank lines and lines whose first byte is `#`. Every other line gives exactly one
// name. Limits:     a line over kLineBytes gives one illegal name and is passed over, however long
// it is.
#pragma once

#include "protocols/zone/name_text.h"
#include "protocols/zone/parser.h"
#include "protocols/zone/scan.h"

namespace zonesweep::zone {

class ListParser final : public Parser {
 public:
  explicit ListParser(Classify classify = best_classify());
  [[nodiscard]] std::expected<Step, TextError> parse(TextBuffer& in, Output& out) override;

 private:
  // Both take what they can from [at, end) and return where they stopped.
  const char* plain_lines(const char* at, const char* end, Output& out);
  const char* any_line(const char* at, const char* end, Output& out);
  bool plain_name(const char* line, uint64_t content, uint64_t dots, Output& out);
  void line(std::string_view text, bool too_long, Output& out);

  MaskWindow window_;
  NameReader names_;
  bool first_ = true;
  bool discarding_ = false;  // inside a line that was too long
};

}  // namespace zonesweep::zone
