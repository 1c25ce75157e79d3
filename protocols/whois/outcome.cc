#include "protocols/whois/outcome.h"

#include <algorithm>
#include <cassert>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocols/whois/tables.h"

namespace zonesweep::whois {
namespace {

enum class Place : uint8_t { line, short_answer, status };

// A pattern word: a literal, or one of the four that stand for something.
enum class Kind : uint8_t { literal, beginning, domain, number, address, any };
struct PatternWord {
  Kind kind = Kind::literal;
  std::string_view text;
};

struct Rule {
  Outcome outcome = Outcome::unknown;
  Place place = Place::line;
  std::string_view scope;
  std::vector<PatternWord> pattern;
};

[[nodiscard]] uint32_t hash_of(std::string_view text) noexcept {
  uint32_t hash = 2166136261U;  // FNV-1a, 32 bits
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

// Which of two outcomes that lines of one answer tell is believed: the one that claims less about
// the name. `available` comes last.
[[nodiscard]] int severity(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::throttled: return 9;
    case Outcome::refused: return 8;
    case Outcome::error: return 7;
    case Outcome::unsupported_tld: return 6;
    case Outcome::invalid: return 5;
    case Outcome::reserved: return 4;
    case Outcome::unavailable: return 3;
    case Outcome::registered: return 2;
    case Outcome::available: return 1;
    case Outcome::unknown: return 0;
    default: return 2;
  }
}

[[nodiscard]] bool is_number(std::string_view word) noexcept {
  return !word.empty() && word[0] >= '0' && word[0] <= '9' &&
         word.find_first_not_of("0123456789.") == std::string_view::npos;
}

[[nodiscard]] bool in_scope(std::string_view scope, const Question& question) noexcept {
  if (scope == "*") return true;
  for (Pieces pieces{scope, ','}; pieces.next();) {
    const std::string_view piece = pieces.piece();
    if (piece == zone_of(question.name)) return true;
    if (question.server.ends_with(piece) &&
        (question.server.size() == piece.size() ||
         question.server[question.server.size() - piece.size() - 1] == '.')) {
      return true;
    }
  }
  return false;
}

[[nodiscard]] bool has_octet_above_ascii(std::string_view text) noexcept {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

// The name that was asked; any host name where that is not known or is written in another script.
[[nodiscard]] bool is_the_name(std::string_view word, const Question& question) noexcept {
  if (question.name.empty()) return word.find('.') != std::string_view::npos && !is_number(word);
  if (word == question.name || word == question.name.substr(0, question.name.find('.')))
    return true;
  return has_octet_above_ascii(word) && question.name.find("xn--") != std::string_view::npos;
}

}  // namespace

class OutcomeRules {
 public:
  OutcomeRules() {
    TableReader rows{data::k_outcomes_tsv};
    while (rows.next()) add(rows);
    for (uint16_t i = 0; i < rules_.size(); ++i) index(i);
  }

  using Words = std::span<const OutcomeReader::Word>;

  struct Found {
    Outcome outcome = Outcome::unknown;
    bool scoped = false;  // by a rule of this server: it knows better than the general ones
    bool echo = false;    // the line only repeats the question
  };

  // The most severe outcome that a rule for `place` gives to these words.
  [[nodiscard]] Found match(Words words, Place place, const Question& question) const {
    Found found;
    if (words.empty()) return found;
    try_bucket(first_, words[0].hash, words, place, question, found);
    try_list(name_first_, words, place, question, found);
    if (words.size() > limits::kFloatingWords) return found;
    for (const OutcomeReader::Word& word : words) {
      try_bucket(floating_, word.hash, words, place, question, found);
    }
    return found;
  }

 private:
  using Bucket = std::unordered_map<uint32_t, std::vector<uint16_t>>;

  void add(const TableReader& row) {
    assert(row.columns() == 4);
    Rule rule;
    rule.outcome = registration::outcome_from_name(row.column(0));
    assert(rule.outcome != Outcome::unknown || row.column(0) == "echo");
    rule.scope = row.column(1);
    rule.place = row.column(2) == "line"    ? Place::line
                 : row.column(2) == "short" ? Place::short_answer
                                            : Place::status;
    for (Pieces words{row.column(3), ' '}; words.next();)
      rule.pattern.push_back(word_of(words.piece()));
    rules_.push_back(std::move(rule));
  }
  [[nodiscard]] static PatternWord word_of(std::string_view word) noexcept {
    if (word == "*") return {Kind::any, word};
    if (word == "{domain}") return {Kind::domain, word};
    if (word == "{n}") return {Kind::number, word};
    if (word == "{ip}") return {Kind::address, word};
    if (word.ends_with('*')) return {Kind::beginning, word.substr(0, word.size() - 1)};
    return {Kind::literal, word};
  }
  void index(uint16_t number) {
    const std::vector<PatternWord>& pattern = rules_[number].pattern;
    if (pattern[0].kind == Kind::literal) {
      first_[hash_of(pattern[0].text)].push_back(number);
    } else if (pattern[0].kind == Kind::domain) {
      name_first_.push_back(number);
    } else {
      assert(pattern[0].kind == Kind::any && pattern.size() > 1 &&
             pattern[1].kind == Kind::literal);
      floating_[hash_of(pattern[1].text)].push_back(number);
    }
  }

  void try_bucket(const Bucket& buckets, uint32_t hash, Words words, Place place,
                  const Question& question, Found& found) const {
    if (const auto bucket = buckets.find(hash); bucket != buckets.end()) {
      try_list(bucket->second, words, place, question, found);
    }
  }
  void try_list(const std::vector<uint16_t>& numbers, Words words, Place place,
                const Question& question, Found& found) const {
    for (const uint16_t number : numbers) {
      const Rule& rule = rules_[number];
      if (rule.outcome == Outcome::unknown) {
        found.echo = found.echo || (rule.place == place && covers(rule.pattern, words, question));
        continue;
      }
      const bool scoped = rule.scope != "*";
      if (rule.place != place || (found.scoped && !scoped)) continue;
      if (found.scoped == scoped && severity(rule.outcome) <= severity(found.outcome)) continue;
      if (covers(rule.pattern, words, question) && in_scope(rule.scope, question)) {
        found.outcome = rule.outcome;
        found.scoped = scoped;
      }
    }
  }

  // Wildcard matching with one point to go back to: time is words times pattern words.
  [[nodiscard]] static bool covers(std::span<const PatternWord> pattern, Words words,
                                   const Question& question) noexcept {
    size_t p = 0;
    size_t w = 0;
    size_t star = pattern.size();
    size_t star_word = 0;
    while (w < words.size()) {
      if (p < pattern.size() && pattern[p].kind == Kind::any) {
        star = p++;
        star_word = w;
      } else if (p < pattern.size() && fits(pattern[p], words[w].text, question)) {
        ++p;
        ++w;
      } else if (star < pattern.size()) {
        p = star + 1;
        w = ++star_word;
      } else {
        return false;
      }
    }
    while (p < pattern.size() && pattern[p].kind == Kind::any) ++p;
    return p == pattern.size();
  }
  [[nodiscard]] static bool fits(const PatternWord& pattern, std::string_view word,
                                 const Question& question) noexcept {
    switch (pattern.kind) {
      case Kind::literal: return word == pattern.text;
      case Kind::beginning: return word.starts_with(pattern.text);
      case Kind::domain: return is_the_name(word, question);
      case Kind::number: return is_number(word);
      case Kind::address:
        return is_number(word) ||
               word.find_first_not_of("0123456789abcdef.") == std::string_view::npos;
      case Kind::any: return true;
    }
    return false;
  }

  std::vector<Rule> rules_;
  Bucket first_;                      // by the first word
  Bucket floating_;                   // by the second, behind *
  std::vector<uint16_t> name_first_;  // begin with the name
};

namespace {

[[nodiscard]] const OutcomeRules& rules() {
  static const OutcomeRules all;
  return all;
}

[[nodiscard]] bool separates(char c) noexcept {
  return c == ' ' || c == '\t' || c == ':' || c == '_' || c == '=' || c == '/' || c == '!' ||
         c == '|' || c == ',' || c == '(' || c == ')';
}
[[nodiscard]] bool is_punctuation(char c) noexcept {
  return (c > ' ' && c < '0') || (c > '9' && c < 'A') || (c > 'Z' && c < 'a') ||
         (c > 'z' && c < 0x7F);
}

// ASCII, Latin-1 and Cyrillic: what phrases are written in. In UTF-8 no letter changes its size.
void to_lower(std::string& text) noexcept {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 'A' && c <= 'Z') text[i] = static_cast<char>(c + ('a' - 'A'));
    if (c < 0xC3 || c > 0xD0 || i + 1 == text.size()) continue;
    const auto next = static_cast<unsigned char>(text[i + 1]);
    if (c == 0xC3 && next >= 0x80 && next <= 0x9E && next != 0x97) {  // U+00C0 to U+00DE
      text[i + 1] = static_cast<char>(next + 0x20);
    } else if (c == 0xD0 && next >= 0x90 && next <= 0x9F) {  // U+0410 to U+041F
      text[i + 1] = static_cast<char>(next + 0x20);
    } else if (c == 0xD0 && next >= 0xA0 && next <= 0xAF) {  // U+0420 to U+042F
      text[i] = '\xD1';
      text[i + 1] = static_cast<char>(next - 0x20);
    }
    ++i;
  }
}

constexpr uint32_t kRetrySecondsMax = 7 * 24 * 3600;

// The unit of time at `at`; 0 when there is none.
[[nodiscard]] uint64_t seconds_per(std::string_view text, size_t at) noexcept {
  constexpr std::pair<std::string_view, uint64_t> kUnits[] = {
      {"s", 1},        {"sec", 1},      {"secs", 1},     {"second", 1},
      {"seconds", 1},  {"m", 60},       {"min", 60},     {"mins", 60},
      {"minute", 60},  {"minutes", 60}, {"h", 3600},     {"hour", 3600},
      {"hours", 3600}, {"d", 86'400},   {"day", 86'400}, {"days", 86'400}};
  std::array<char, 8> word{};
  size_t size = 0;
  for (; at < text.size() && size < word.size(); ++at, ++size) {
    const char c = text[at];
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    if (lower < 'a' || lower > 'z') break;
    word[size] = lower;
  }
  for (const auto& [unit, seconds] : kUnits) {
    if (unit == std::string_view{word.data(), size}) return seconds;
  }
  return 0;
}

// "in 50 seconds", "24h0m0s", "within 30 minutes".
[[nodiscard]] uint32_t seconds_in(std::string_view text) noexcept {
  for (size_t at = text.find_first_of("0123456789"); at != std::string_view::npos;
       at = text.find_first_of("0123456789", at)) {
    uint64_t value = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
      value = std::min<uint64_t>(value * 10 + static_cast<uint64_t>(text[at++] - '0'), 1'000'000);
    }
    if (at < text.size() && text[at] == '.') {  // a fraction of a second is a second
      while (at < text.size() && (text[at] == '.' || (text[at] >= '0' && text[at] <= '9'))) ++at;
      ++value;
    }
    const uint64_t factor =
        seconds_per(text, std::min(text.find_first_not_of(" -", at), text.size()));
    if (factor != 0 && value != 0) {
      return static_cast<uint32_t>(std::min<uint64_t>(value * factor, kRetrySecondsMax));
    }
  }
  return 0;
}

}  // namespace

std::string_view zone_of(std::string_view name) noexcept {
  const size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

// False for prose: more words than a phrase has.
bool OutcomeReader::fold(std::string_view text) {
  word_count_ = 0;
  constexpr size_t kPhraseBytes = 400;
  if (text.size() > kPhraseBytes) return false;
  folded_.assign(text);
  to_lower(folded_);
  const std::string_view all = folded_;
  for (size_t at = 0; at < all.size();) {
    if (separates(all[at])) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < all.size() && !separates(all[end])) ++end;
    std::string_view word = all.substr(at, end - at);
    at = end;
    while (!word.empty() && is_punctuation(word.front())) word.remove_prefix(1);
    while (!word.empty() && is_punctuation(word.back())) word.remove_suffix(1);
    if (word.empty()) continue;
    if (word_count_ == words_.size()) return false;
    words_[word_count_++] = {word, hash_of(word)};
  }
  return true;
}

void OutcomeReader::note_name(const Question& question) {
  if (!name_.empty()) return;
  for (const Word& word : std::span<const Word>{words_}.first(word_count_)) {
    if (is_the_name(word.text, question)) {
      name_.assign(word.text);
      return;
    }
  }
}

namespace {

// The rest of a sentence that began on the line above: terms of use, wrapped.
[[nodiscard]] bool continues(const Line& above, const Line& line) noexcept {
  constexpr size_t kWrappedBytes = 50;
  constexpr std::string_view kSentenceEnds = ".:!?*-=<>]#%";
  if (above.comment != line.comment || above.text.size() < kWrappedBytes) return false;
  const std::string_view last = above.text.substr(above.text.find_last_of(' ') + 1);
  return last.find("://") == std::string_view::npos &&
         kSentenceEnds.find(last.back()) == std::string_view::npos;
}

}  // namespace

Verdict OutcomeReader::read(std::span<const Line> lines, const Question& question) {
  name_.clear();
  lines = lines.first(std::min(lines.size(), limits::kOutcomeLines));
  const auto filled = std::ranges::count_if(lines, [](const Line& line) { return !line.blank(); });
  const bool short_answer = static_cast<size_t>(filled) <= limits::kShortAnswerLines;
  Verdict verdict;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].blank() || (i != 0 && continues(lines[i - 1], lines[i]))) continue;
    if (!fold(lines[i].text)) continue;
    const auto words = std::span<const Word>{words_}.first(word_count_);
    const auto [telling, scoped, echo] = rules().match(words, Place::line, question);
    Outcome outcome = telling;
    if (short_answer && !scoped) {
      const Outcome broad = rules().match(words, Place::short_answer, question).outcome;
      if (severity(broad) > severity(outcome)) outcome = broad;
    }
    if (outcome == Outcome::unknown && !echo) outcome = sentences(lines[i].text, question);
    if (outcome != Outcome::unknown || echo) note_name(question);
    if (severity(outcome) > severity(verdict.outcome)) verdict.outcome = outcome;
    if (outcome == Outcome::throttled && verdict.retry_after_s == 0) {
      verdict.retry_after_s = seconds_in(lines[i].text);
      if (verdict.retry_after_s == 0 && i + 1 < lines.size())
        verdict.retry_after_s = seconds_in(lines[i + 1].text);
    }
  }
  verdict.name = name_;
  return verdict;
}

// All sentences of a line have to say something: "Not found? Try again." proves nothing.
Outcome OutcomeReader::sentences(std::string_view text, const Question& question) {
  const auto words = [this] { return std::span<const Word>{words_}.first(word_count_); };
  const Outcome whole = outcome_of_sentence(words(), question.name, Stand::line);
  if (whole != Outcome::unknown) return whole;
  if (text.find(". ") == std::string_view::npos) return whole;
  Outcome all = Outcome::unknown;
  for (std::string_view left = text; !left.empty();) {
    const size_t end = std::min(left.find(". "), left.size());
    if (!fold(left.substr(0, end))) return Outcome::unknown;
    left.remove_prefix(std::min(end + 2, left.size()));
    if (word_count_ == 0) continue;
    const Outcome one = outcome_of_sentence(words(), question.name, Stand::line);
    if (one == Outcome::unknown) return one;
    if (severity(one) > severity(all)) all = one;
  }
  (void)fold(text);  // the caller goes on with the words of the line
  return all;
}

Outcome OutcomeReader::read_status(std::string_view value, const Question& question) {
  if (!fold(value)) return Outcome::unknown;
  auto words = std::span<const Word>{words_}.first(word_count_);
  const Outcome told = rules().match(words, Place::status, question).outcome;
  if (told != Outcome::unknown) return told;
  // "220 Available": the code before the word.
  if (words.size() > 1 && is_number(words[0].text)) {
    words = words.subspan(1);
    const Outcome after = rules().match(words, Place::status, question).outcome;
    if (after != Outcome::unknown) return after;
  }
  return outcome_of_sentence(words, question.name, Stand::status);
}

}  // namespace zonesweep::whois
