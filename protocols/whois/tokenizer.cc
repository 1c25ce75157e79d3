#include "protocols/whois/tokenizer.h"

#include <algorithm>

#include "protocols/registration/date.h"
#include "protocols/whois/label_words.h"
#include "protocols/whois/values.h"

namespace zonesweep::whois {
namespace {

constexpr size_t kLabelTextBytes = 80;  // unfolded; longer text before a colon is a sentence
constexpr size_t kPhraseBytes = 120;    // longer is prose
constexpr size_t kHeadingBytes = 48;    // the longest heading without a colon has 39
constexpr size_t kPhraseWords = 6;      // "domain record activated on the"

[[nodiscard]] bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }
[[nodiscard]] bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

[[nodiscard]] bool has_digit(std::string_view text) noexcept {
  return std::ranges::any_of(text, is_digit);
}

// string_view's own search for one of several characters is slow.
[[nodiscard]] size_t blank_at(std::string_view text, size_t from) noexcept {
  while (from < text.size() && !is_blank(text[from])) ++from;
  return from;
}
[[nodiscard]] size_t word_at(std::string_view text, size_t from) noexcept {
  while (from < text.size() && is_blank(text[from])) ++from;
  return from;
}

[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

[[nodiscard]] Token labelled(std::string_view label, std::string_view value,
                             uint32_t indent) noexcept {
  Token token{.label = find_label(label), .value = trimmed(value), .indent = indent};
  if (token.value.starts_with('!')) token.value = {};  // a YAML tag: "registrar: !Registrar"
  token.kind = token.value.empty() ? Token::Kind::heading : Token::Kind::field;
  return token;
}
[[nodiscard]] Token plain(std::string_view text, uint32_t indent) noexcept {
  return {.kind = Token::Kind::text, .value = text, .indent = indent};
}

// "a. ", "2a. ": the numbering of .jp and .za.
[[nodiscard]] std::string_view without_numbering(std::string_view text) noexcept {
  size_t at = 0;
  while (at < text.size() && at < 2 && is_digit(text[at])) ++at;
  if (at < text.size() && text[at] >= 'a' && text[at] <= 'z') ++at;
  if (at == 1 && text.substr(at).starts_with(" [")) return text.substr(at + 1);
  if (at == 0 || at + 1 >= text.size() || text[at] != '.' || !is_blank(text[at + 1])) return text;
  return trimmed(text.substr(at + 1));
}

[[nodiscard]] Token bracketed(std::string_view text, uint32_t indent) noexcept {
  const size_t close = text.find(']');
  if (close == std::string_view::npos || close < 2 || is_blank(text[1]) ||
      close > kLabelTextBytes) {
    return plain(text, indent);
  }
  Token token = labelled(text.substr(1, close - 1), text.substr(close + 1), indent);
  token.bracket = true;
  return token;
}

// Leader dots: "Name......: value", "Name.... value", "Name:.....value".
[[nodiscard]] std::string_view without_leaders(std::string_view value) noexcept {
  if (!value.starts_with("..")) return value;
  const size_t at = value.find_first_not_of('.');
  return at == std::string_view::npos ? std::string_view{} : trimmed(value.substr(at));
}

// "Record created on 2014-03-27": the longest beginning that is the label of a date, if a date
// follows it; "Domain example.net": the label of a name, if a lone name follows.
[[nodiscard]] Token phrase(std::string_view text, uint32_t indent) noexcept {
  Token best = plain(text, indent);
  // A date has a digit, a name a dot that does not end the line.
  if (text.size() > kPhraseBytes || (!has_digit(text) && text.find('.') >= text.size() - 1))
    return best;
  LabelFolder folded;
  size_t at = 0;
  for (size_t words = 0; words < kPhraseWords && at < text.size(); ++words) {
    const size_t end = blank_at(text, at);
    if (end == text.size()) break;
    folded.add(text.substr(at, end - at));
    folded.add(" ");
    at = word_at(text, end);
    const Label* label = find_label(folded);
    if (label == nullptr && at < text.size() && is_digit(text[at]) && folded.usable())
      label = composed_label(folded.text());
    const Meaning* const meaning = label == nullptr ? nullptr : label->meaning_in(Section::none);
    if (meaning == nullptr) continue;
    const std::string_view rest = text.substr(at);
    const bool date = meaning->field == Field::created || meaning->field == Field::expires ||
                      (meaning->field == Field::updated && !folded.text().starts_with("last") &&
                       !folded.text().starts_with("updated"));
    const std::string_view lone = rest.substr(0, std::min(rest.find(" ("), rest.size()));
    const bool name = meaning->field == Field::domain &&
                      is_host_name(lone.substr(0, lone.find_last_not_of('.') + 1));
    if (name ||
        (date && registration::date_from_text(rest, registration::DateOrder::day_first).known())) {
      best = {.kind = Token::Kind::field, .label = label, .value = rest, .indent = indent};
    }
  }
  return best;
}

// "Domain name<tab>example.ch", "Name Server    NS1.EXAMPLE.COM": known labels only.
[[nodiscard]] Token columns(std::string_view text, uint32_t indent) noexcept {
  const size_t tab = text.find('\t');
  const size_t gap = std::min(tab, text.find("  "));
  if (gap == std::string_view::npos || gap == 0 || gap > kLabelTextBytes)
    return phrase(text, indent);
  if (text[gap - 1] == '.' || text[gap - 1] == ',') return phrase(text, indent);  // a sentence
  const Token token = labelled(text.substr(0, gap), text.substr(gap), indent);
  return token.label != nullptr && token.kind == Token::Kind::field ? token : phrase(text, indent);
}

[[nodiscard]] Token unlabelled(std::string_view text, uint32_t indent) noexcept {
  const Token token = columns(text, indent);
  if (token.kind != Token::Kind::text || text.size() > kHeadingBytes) return token;
  const Label* const label = find_label(text);
  if (label == nullptr || label->heading == Section::none) return token;
  return {.kind = Token::Kind::heading, .label = label, .indent = indent};
}

}  // namespace

Token token_of(const Line& line) noexcept {
  if (line.blank()) return {.kind = line.comment ? Token::Kind::comment : Token::Kind::blank};
  if (line.comment) return {.kind = Token::Kind::comment};
  const std::string_view text = without_numbering(line.text);
  if (text.front() == '[') return bracketed(text, line.indent);
  const size_t colon = text.find(':');
  const size_t dots = text.substr(0, std::min(text.size(), kLabelTextBytes)).find("..");
  if (dots != std::string_view::npos && dots != 0 && dots < colon) {
    const size_t value = text.find_first_not_of(".: \t", dots);
    return labelled(text.substr(0, dots), value == std::string_view::npos ? "" : text.substr(value),
                    line.indent);
  }
  if (colon == std::string_view::npos || colon == 0 || colon > kLabelTextBytes ||
      text.substr(colon).starts_with("://")) {
    return unlabelled(text, line.indent);
  }
  Token token = labelled(text.substr(0, colon), without_leaders(trimmed(text.substr(colon + 1))),
                         line.indent);
  if (token.label != nullptr) return token;
  if (is_host_name(text.substr(0, blank_at(text, 0)))) {
    return plain(text, line.indent);  // a name server and its IPv6 address
  }
  if (has_digit(text)) {
    // The colon may be one of a time: "Record created on 2014-03-27 10:00:00".
    const Token found = unlabelled(text, line.indent);
    if (found.kind == Token::Kind::field) return found;
  }
  return token;
}

}  // namespace zonesweep::whois
