#include "protocols/rdap/json.h"

#include <algorithm>
#include <charconv>

namespace zonesweep::rdap {
namespace {

[[nodiscard]] char lower_of(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

}  // namespace

int64_t number_of(const Value& value, int64_t otherwise) noexcept {
  int64_t number = 0;
  if (value.get_int64().get(number) == simdjson::SUCCESS) return number;
  const std::string_view text = text_of(value);
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc{} && read.ptr == text.data() + text.size() && !text.empty()
             ? number
             : otherwise;
}

Truth truth_of(const Value& value) noexcept {
  bool truth = false;
  if (value.get_bool().get(truth) == simdjson::SUCCESS) return truth ? Truth::yes : Truth::no;
  const std::string_view text = text_of(value);
  if (same_word(text, "true") || same_word(text, "yes")) return Truth::yes;
  if (same_word(text, "false") || same_word(text, "no")) return Truth::no;
  const int64_t number = number_of(value, -1);
  return number == 1 ? Truth::yes : number == 0 ? Truth::no : Truth::unknown;
}

bool same_word(std::string_view text, std::string_view lower) noexcept {
  return std::ranges::equal(text, lower, {}, lower_of);
}

bool contains_word(std::string_view text, std::string_view lower) noexcept {
  return !std::ranges::search(text, lower, {}, lower_of).empty();
}

}  // namespace zonesweep::rdap
