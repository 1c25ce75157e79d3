#include "protocols/rdap/jcard.h"

#include <array>

namespace zonesweep::rdap {
namespace {

// [name, parameters, type, value, ...]
struct Property {
  std::string_view name;
  Object parameters;
  Value value;
};

[[nodiscard]] bool read_property(const Value& element, Property& property) noexcept {
  Array parts;
  if (element.get_array().get(parts) != simdjson::SUCCESS) return false;
  size_t index = 0;
  bool object = false;
  for (const Value part : parts) {
    if (index == 0) property.name = text_of(part);
    if (index == 1) object = part.get_object().get(property.parameters) == simdjson::SUCCESS;
    if (index == 3) property.value = part;
    if (++index == 4) break;
  }
  return index == 4 && object && !property.name.empty();
}

// A text, or the first text of a structured value, lists in lists included.
[[nodiscard]] std::string_view first_text(const Value& value) noexcept {
  std::string_view found = text_of(value);
  if (!found.empty()) return found;
  Array parts;
  if (value.get_array().get(parts) != simdjson::SUCCESS) return {};
  for (const Value part : parts) {
    found = text_of(part);
    if (!found.empty()) return found;
  }
  return {};
}

[[nodiscard]] bool is_fax(const Object& parameters) noexcept {
  Value types;
  if (!find(parameters, "type", types)) return false;
  return !each(types, [](const Value& type) { return !same_word(text_of(type), "fax"); });
}

[[nodiscard]] std::string_view without_scheme(std::string_view phone) noexcept {
  constexpr std::string_view kScheme = "tel:";
  if (phone.size() > kScheme.size() && same_word(phone.substr(0, kScheme.size()), kScheme)) {
    phone.remove_prefix(kScheme.size());
  }
  return phone;
}

// RFC 8605: the parameter CC holds the code. The name is the seventh part of the address.
[[nodiscard]] std::string_view country_of(const Property& property) noexcept {
  const std::string_view code = text_member(property.parameters, "cc");
  if (!code.empty()) return code;
  constexpr size_t kCountry = 6;
  Array parts;
  if (property.value.get_array().get(parts) != simdjson::SUCCESS) return {};
  size_t index = 0;
  for (const Value part : parts) {
    if (index++ == kCountry) return first_text(part);
  }
  return {};
}

void keep(const Property& property, Card& card) noexcept {
  const auto first = [](std::string_view& target, std::string_view value) {
    if (target.empty()) target = value;
  };
  if (same_word(property.name, "fn")) return first(card.name, text_of(property.value));
  if (same_word(property.name, "org")) return first(card.org, first_text(property.value));
  if (same_word(property.name, "email")) return first(card.email, first_text(property.value));
  if (same_word(property.name, "adr")) return first(card.country, country_of(property));
  if (same_word(property.name, "tel") && !is_fax(property.parameters)) {
    first(card.phone, without_scheme(first_text(property.value)));
  }
}

}  // namespace

bool read_card(const Value& value, Card& card) noexcept {
  Array outer;
  if (value.get_array().get(outer) != simdjson::SUCCESS) return false;
  size_t index = 0;
  bool labelled = false;
  for (const Value part : outer) {
    if (index == 0) labelled = same_word(text_of(part), "vcard");
    Array properties;
    if (index == 1 && labelled && part.get_array().get(properties) == simdjson::SUCCESS) {
      for (const Value element : properties) {
        Property property;
        if (read_property(element, property)) keep(property, card);
      }
      return true;
    }
    ++index;
  }
  return false;
}

}  // namespace zonesweep::rdap
