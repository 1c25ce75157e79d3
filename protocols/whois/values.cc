#include "protocols/whois/values.h"

#include <algorithm>
#include <array>

#include "protocols/registration/epp_status.h"

namespace zonesweep::whois {
namespace {

[[nodiscard]] bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }
[[nodiscard]] bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
[[nodiscard]] char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
[[nodiscard]] bool is_hex(char c) noexcept {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}
[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}
[[nodiscard]] bool same(std::string_view text, std::string_view lower_word) noexcept {
  return std::ranges::equal(text, lower_word, {}, lower);
}
[[nodiscard]] bool begins(std::string_view text, std::string_view lower_word) noexcept {
  return text.size() >= lower_word.size() && same(text.substr(0, lower_word.size()), lower_word);
}

constexpr std::string_view kNothing[] = {"null",
                                         "none",
                                         "n/a",
                                         "na",
                                         "-",
                                         "--",
                                         ".",
                                         "<no value>",
                                         "not available",
                                         "not applicable",
                                         "nil",
                                         "unknown",
                                         "not defined",
                                         "not.defined",
                                         "not.defined.",
                                         "undefined",
                                         "no value",
                                         "<none>",
                                         "(none)",
                                         "not shown",
                                         "withheld",
                                         "_"};

}  // namespace

std::string_view cleaned(std::string_view value) noexcept {
  value = trimmed(value);
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    value = trimmed(value.substr(1, value.size() - 2));
  }
  if (std::ranges::any_of(kNothing, [&](std::string_view nothing) { return same(value, nothing); }))
    return {};
  return value;
}

bool is_address(std::string_view text) noexcept {
  if (text.find(':') != std::string_view::npos) {
    return text.size() <= 45 && std::ranges::count(text, ':') >= 2 &&
           std::ranges::all_of(text, [](char c) { return is_hex(c) || c == ':' || c == '.'; });
  }
  return text.size() >= 7 && text.size() <= 15 && std::ranges::count(text, '.') == 3 &&
         std::ranges::all_of(text, [](char c) { return is_digit(c) || c == '.'; });
}

bool is_host_name(std::string_view text) noexcept {
  if (text.size() > 253 || is_address(text)) return false;
  size_t label = 0;
  bool dotted = false;
  bool letter = false;
  for (const char c : text) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      dotted = true;
      continue;
    }
    const char l = lower(c);
    const bool alphabetic = (l >= 'a' && l <= 'z') || static_cast<unsigned char>(c) >= 0x80;
    if (!alphabetic && !is_digit(c) && c != '-' && c != '_') return false;
    letter = letter || alphabetic;
    if (++label > 63) return false;
  }
  return dotted && letter && label != 0;
}

bool HostWords::next() noexcept {
  const auto separates = [](char c) {
    return c == ' ' || c == '\t' || c == ',' || c == ';' || c == '(' || c == ')' || c == '[' ||
           c == ']' || c == '|' || c == '<' || c == '>' || c == '"' || c == '\'' || c == '*';
  };
  if (left_.starts_with("- ")) left_.remove_prefix(2);  // a list of YAML
  while (!left_.empty() && separates(left_.front())) left_.remove_prefix(1);
  if (left_.empty()) return false;
  size_t end = 0;
  while (end < left_.size() && !separates(left_[end])) ++end;
  word_ = left_.substr(0, end);
  left_.remove_prefix(end);
  while (word_.size() > 1 && word_.back() == '.') word_.remove_suffix(1);
  return true;
}

namespace {

// "clientHold https://icann.org/epp#clientHold", "ok (http://...)", "x -- http://..."
[[nodiscard]] std::string_view without_link(std::string_view value) noexcept {
  for (const std::string_view scheme :
       {std::string_view{"http://"}, std::string_view{"https://"}}) {
    const size_t at = value.find(scheme);
    if (at == std::string_view::npos) continue;
    value = value.substr(0, at);
    while (!value.empty() && (is_blank(value.back()) || value.back() == '(' ||
                              value.back() == '-' || value.back() == '[')) {
      value.remove_suffix(1);
    }
  }
  return trimmed(value);
}

// "serverHold (Expired)", "ok - Normal state.", "Connected (2014/03/31)": the state alone, where
// what stands before the remark is one of EPP or the remark is a date.
[[nodiscard]] std::string_view without_remark(std::string_view state) noexcept {
  const size_t at = std::min(state.find(" ("), state.find(" - "));
  if (at == std::string_view::npos) return state;
  const std::string_view bare = trimmed(state.substr(0, at));
  const bool dated = state.size() > at + 2 && is_digit(state[at + 2]) && state.ends_with(')');
  return dated || !registration::epp_status(bare).empty() ? bare : state;
}

[[nodiscard]] bool all_epp(std::string_view value, char separator) noexcept {
  size_t count = 0;
  while (!value.empty()) {
    const size_t end = std::min(value.find(separator), value.size());
    const std::string_view piece = trimmed(value.substr(0, end));
    value.remove_prefix(std::min(end + 1, value.size()));
    if (piece.empty()) continue;
    if (registration::epp_status(piece).empty()) return false;
    ++count;
  }
  return count > 1;
}

}  // namespace

namespace {

// "REGISTERED, DELEGATED, VERIFIED": single words between commas.
[[nodiscard]] bool all_words(std::string_view value) noexcept {
  if (value.find(',') == std::string_view::npos) return false;
  while (!value.empty()) {
    const size_t end = std::min(value.find(','), value.size());
    if (trimmed(value.substr(0, end)).find(' ') != std::string_view::npos) return false;
    value.remove_prefix(std::min(end + 1, value.size()));
  }
  return true;
}

}  // namespace

StatusPieces::StatusPieces(std::string_view value) noexcept : left_(without_link(value)) {
  if (all_epp(left_, ',') || all_words(left_)) {
    separator_ = ',';
  } else if (all_epp(left_, ' ')) {
    separator_ = ' ';
  } else if (all_epp(left_, '/')) {
    separator_ = '/';
  } else if (all_epp(left_, '|')) {
    separator_ = '|';
  }
}

bool StatusPieces::next() noexcept {
  while (!left_.empty()) {
    const size_t end =
        separator_ == '\0' ? left_.size() : std::min(left_.find(separator_), left_.size());
    piece_ = trimmed(left_.substr(0, end));
    left_.remove_prefix(std::min(end + 1, left_.size()));
    if (piece_.empty()) continue;
    if (separator_ == '\0') piece_ = without_remark(piece_);
    return true;
  }
  return false;
}

registration::Dnssec dnssec_from(std::string_view value) noexcept {
  constexpr std::string_view kUnsigned[] = {
      "unsigned", "no",    "inactive",    "none",     "not signed",
      "disabled", "false", "not enabled", "unsecure", "insecure",
      "n",        "nil",   "off",         "0",        "\xEB\xAF\xB8\xEC\x84\x9C\xEB\xAA\x85",
      "absent"};
  constexpr std::string_view kSigned[] = {"signed",  "yes",
                                          "active",  "true",
                                          "enabled", "secure",
                                          "y",       "on",
                                          "1",       "delegation signed",
                                          "ok",      "\xEC\x84\x9C\xEB\xAA\x85"};
  const auto is_one = [&](std::string_view word) {
    return begins(value, word) && (value.size() == word.size() || word.size() > 3 ||
                                   is_blank(value[word.size()]) || value[word.size()] == ',');
  };
  if (std::ranges::any_of(kUnsigned, is_one)) return registration::Dnssec::unsigned_delegation;
  if (std::ranges::any_of(kSigned, is_one)) return registration::Dnssec::signed_delegation;
  return registration::Dnssec::unstated;
}

}  // namespace zonesweep::whois
