// protocols/rdap/json.h - tolerant looks at JSON values: what is not there is empty.
//
// Threads:    pure functions over simdjson's DOM.
// Ownership:  views live as long as the document.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string_view>

namespace zonesweep::rdap {

using Value = simdjson::dom::element;
using Object = simdjson::dom::object;
using Array = simdjson::dom::array;

[[nodiscard]] inline std::string_view text_of(const Value& value) noexcept {
  std::string_view text;
  return value.get_string().get(text) == simdjson::SUCCESS ? text : std::string_view{};
}
// A default-constructed Value has no document behind it and must not be asked for its type.
[[nodiscard]] inline bool find(const Object& object, std::string_view key, Value& found) noexcept {
  return object.at_key(key).get(found) == simdjson::SUCCESS;
}
[[nodiscard]] inline std::string_view text_member(const Object& object,
                                                  std::string_view key) noexcept {
  Value found;
  return find(object, key, found) ? text_of(found) : std::string_view{};
}

// Calls `visit` for each element of a list, or for the one value that stands in its place; false
// when a visit says so.
template <typename Visit>
bool each(const Value& value, Visit visit) {
  Array list;
  if (value.get_array().get(list) != simdjson::SUCCESS) return visit(value);
  for (const Value element : list) {
    if (!visit(element)) return false;
  }
  return true;
}

// A number, also one written as a string.
[[nodiscard]] int64_t number_of(const Value& value, int64_t otherwise) noexcept;
// true, false, "true", "false", 1, 0.
enum class Truth : uint8_t { unknown, no, yes };
[[nodiscard]] Truth truth_of(const Value& value) noexcept;

// ASCII letters in any case.
[[nodiscard]] bool same_word(std::string_view text, std::string_view lower) noexcept;
[[nodiscard]] bool contains_word(std::string_view text, std::string_view lower) noexcept;

}  // namespace zonesweep::rdap
