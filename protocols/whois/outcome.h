// protocols/whois/outcome.h - what the lines of an answer without registration data say.
//
// Rules are data (protocols/whois/data/outcomes.tsv), each a pattern that must cover a whole line.
// Before it is compared, a line is folded to words: ASCII letters in lower case; blanks and : _ = /
// ! | , ( ) separate; punctuation at the ends of a word is left out. Longer lines than
// kOutcomeWords words are prose and say nothing: disclaimers are full of "limit", "exceeded" and
// "not found".
//
// Lines that no rule covers are read as sentences (protocols/whois/sentence.h). `available` is only
// ever the word of a rule or of such a sentence. Unknown text is Outcome::unknown.
//
// Threads:    one OutcomeReader per parser; the rules are built once, at first use.
// Ownership:  nothing is kept from call to call but room.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocols/registration/registration.h"
#include "protocols/whois/sentence.h"
#include "protocols/whois/text.h"

namespace zonesweep::whois {

using registration::Outcome;

namespace limits {
inline constexpr size_t kOutcomeWords = 32;  // of a line; the longest phrase seen has 21
inline constexpr size_t kOutcomeLines =
    400;  // looked at; the longest disclaimer before the phrase has 46
inline constexpr size_t kShortAnswerLines = 12;  // an answer without terms of use
inline constexpr size_t kFloatingWords = 14;  // of a line that a pattern beginning with * may cover
}  // namespace limits

// Who was asked about what. Any part may be empty.
struct Question {
  std::string_view name;    // A-labels, lower case, no final dot
  std::string_view server;  // host name
};

struct Verdict {
  Outcome outcome = Outcome::unknown;
  uint32_t retry_after_s = 0;  // of a throttled answer that says how long
  std::string_view name;       // as the telling line writes it, lower case; until the next read()
};

// The last label of `name`.
[[nodiscard]] std::string_view zone_of(std::string_view name) noexcept;

class OutcomeReader {
 public:
  [[nodiscard]] Verdict read(std::span<const Line> lines, const Question& question);
  // Of the value of a status label.
  [[nodiscard]] Outcome read_status(std::string_view value, const Question& question);

 private:
  bool fold(std::string_view text);
  [[nodiscard]] Outcome sentences(std::string_view text, const Question& question);
  void note_name(const Question& question);
  using Word = whois::Word;
  std::array<Word, limits::kOutcomeWords> words_;
  size_t word_count_ = 0;
  std::string folded_;
  std::string name_;

  friend class OutcomeRules;
};

}  // namespace zonesweep::whois
