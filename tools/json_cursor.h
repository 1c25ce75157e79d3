// tools/json_cursor.h - reads JSON that this program has written: rows and _run.json.
//
// Threads:    one object, one thread.
// Invariants: never reads behind the text; nesting is skipped without recursion.
// Errors:     they stick: after the first one everything is empty, and ok() is false.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace zonesweep::tools {

class JsonCursor {
 public:
  explicit JsonCursor(std::string_view text) : text_(text) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return text_.empty(); }

  // for (cursor.begin('{'); cursor.member(key);) ...; every value must be read or skipped.
  void begin(char bracket);
  [[nodiscard]] bool member(std::string& key);
  [[nodiscard]] bool item();

  [[nodiscard]] std::string string();
  [[nodiscard]] uint64_t number();
  [[nodiscard]] bool boolean();
  void skip();

 private:
  void blanks();
  [[nodiscard]] bool accept(char c);
  [[nodiscard]] bool more(char end);
  void escape(std::string& out);
  void fail();

  std::string_view text_;
  bool ok_ = true;
  bool first_ = false;  // right after an opening bracket
};

}  // namespace zonesweep::tools
