#include "protocols/whois/sentence.h"

#include <array>
#include <cassert>
#include <unordered_map>
#include <utility>

#include "protocols/whois/tables.h"

namespace zonesweep::whois {
namespace {

using registration::Outcome;

// A word may be of several kinds: "match" is what is found and to find it.
enum Kind : uint32_t {
  kNo = 1U << 0,
  kQuantity = 1U << 1,
  kVerb = 1U << 2,
  kBeing = 1U << 3,
  kSubject = 1U << 4,
  kThing = 1U << 5,
  kMatter = 1U << 6,
  kFree = 1U << 7,
  kGone = 1U << 8,
  kSaid = 1U << 9,
  kModal = 1U << 10,
  kUse = 1U << 11,
  kReserved = 1U << 12,
  kUnavailable = 1U << 13,
  kInvalid = 1U << 14,
  kValid = 1U << 15,
  kOpening = 1U << 16,
  kFiller = 1U << 17,
  kOwning = 1U << 18,
  kPlace = 1U << 19,
};

constexpr std::pair<std::string_view, Kind> kKinds[] = {
    {"no", kNo},
    {"quantity", kQuantity},
    {"verb", kVerb},
    {"being", kBeing},
    {"subject", kSubject},
    {"thing", kThing},
    {"matter", kMatter},
    {"free", kFree},
    {"gone", kGone},
    {"said", kSaid},
    {"modal", kModal},
    {"use", kUse},
    {"reserved", kReserved},
    {"unavailable", kUnavailable},
    {"invalid", kInvalid},
    {"valid", kValid},
    {"opening", kOpening},
    {"filler", kFiller},
    {"owning", kOwning},
    {"place", kPlace},
};

class Vocabulary {
 public:
  Vocabulary() {
    TableReader rows{data::k_words_tsv};
    while (rows.next()) {
      assert(rows.columns() == 3);
      const uint32_t kind = kind_of(rows.column(0));
      for (Pieces words{rows.column(2), '|'}; words.next();) words_[words.piece()] |= kind;
    }
  }
  [[nodiscard]] uint32_t kinds_of(const Word& word) const noexcept {
    const auto found = words_.find(word);
    return found == words_.end() ? 0 : found->second;
  }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const noexcept {
      uint32_t hash = 2166136261U;  // as OutcomeReader does
      for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
      return hash;
    }
    size_t operator()(const Word& word) const noexcept { return word.hash; }
  };
  struct Same {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept { return a == b; }
    bool operator()(const Word& a, std::string_view b) const noexcept { return a.text == b; }
    bool operator()(std::string_view a, const Word& b) const noexcept { return a == b.text; }
  };
  [[nodiscard]] static uint32_t kind_of(std::string_view name) noexcept {
    for (const auto& [word, kind] : kKinds) {
      if (word == name) return kind;
    }
    assert(false && "a kind of words.tsv is unknown");
    return 0;
  }
  std::unordered_map<std::string_view, uint32_t, Hash, Same> words_;
};

[[nodiscard]] const Vocabulary& vocabulary() {
  static const Vocabulary words;
  return words;
}

[[nodiscard]] bool is_number(std::string_view word) noexcept {
  return word.find_first_not_of("0123456789") == std::string_view::npos;
}
[[nodiscard]] bool has_letter(std::string_view word) noexcept {
  return word.find_first_not_of("0123456789.") != std::string_view::npos;
}
[[nodiscard]] bool is_foreign_script(std::string_view word, std::string_view name) noexcept {
  if (name.find("xn--") == std::string_view::npos) return false;
  for (const char c : word) {
    if (static_cast<unsigned char>(c) >= 0x80) return word.find('.') != std::string_view::npos;
  }
  return false;
}

[[nodiscard]] bool is_name(std::string_view word, std::string_view name) noexcept {
  if (name.empty()) return word.find('.') != std::string_view::npos && has_letter(word);
  return word == name || word == name.substr(0, name.find('.')) || is_foreign_script(word, name);
}
// "co.za", "za": the end of the name.
[[nodiscard]] bool is_zone(std::string_view word, std::string_view name) noexcept {
  return name.size() > word.size() && name.ends_with(word) &&
         name[name.size() - word.size() - 1] == '.';
}

// Reads word by word; what remains is how often it met what.
class Sentence {
 public:
  Sentence(std::string_view name, Stand stand) noexcept : name_(name), stand_(stand) {}

  // False when the sentence says nothing, or both.
  [[nodiscard]] bool take(const Word& word) noexcept {
    const uint32_t kinds = vocabulary().kinds_of(word);
    const bool read = kinds == 0 ? unknown(word.text) : known(kinds, word.text);
    ++count_;
    return read;
  }

  [[nodiscard]] Outcome outcome() const noexcept {
    if (strangers_ != 0 && strangers_at_ == 0) return Outcome::unknown;
    if (open_verb_) return Outcome::unknown;  // "domain found", and nothing denied
    if (count_ == 1 && (seen_ & kSaid) != 0) return Outcome::available;
    const bool subject = (seen_ & kSubject) != 0;
    if (const Outcome held = held_back(subject); held != Outcome::unknown) return held;
    if ((seen_ & (kReserved | kUnavailable | kInvalid)) != 0) return Outcome::unknown;
    if ((seen_ & kFree) != 0) return free(subject);
    if ((seen_ & kGone) != 0) return subject && !denied_ ? Outcome::available : Outcome::unknown;
    return denial(subject);
  }

 private:
  [[nodiscard]] bool unknown(std::string_view text) noexcept {
    if (is_name(text, name_)) {
      seen_ |= kSubject;
      return true;
    }
    if (is_zone(text, name_)) return true;
    if (after_nic_ && denied_) {  // "in NIC Ruritania"
      after_nic_ = false;
      return true;
    }
    // "%ERROR:101: no entries found"
    if (is_number(text)) return count_ == 0 || after_opening_;
    if (text == "nic") return after_nic_ = true;
    // "in the Ruritanian database"
    constexpr int kStrangers = 2;
    return denied_ && !negated_ && ++strangers_ <= kStrangers;
  }

  [[nodiscard]] bool known(uint32_t kinds, std::string_view text) noexcept {
    if (strangers_ != 0 && strangers_at_ == 0) {
      if ((kinds & kPlace) == 0) return false;
      strangers_at_ = count_;
    }
    const bool owned = after_owning_;
    after_owning_ = (kinds & kOwning) != 0;
    if (after_owning_) return true;
    const bool opens = (kinds & kOpening) != 0 && (count_ == 0 || after_opening_);
    after_opening_ = opens;
    if (opens && (kinds & ~(kOpening | kFiller)) == 0) return true;
    if ((kinds & ~kOpening) == 0) return false;
    if ((seen_ & kFree) != 0 && (kinds & kUse) != 0) return true;
    if ((kinds & (kNo | kQuantity)) != 0) {
      if (owned && text != "not") return false;
      denied_ = negated_ = true;
      closed_verb_ = closed_verb_ || open_verb_;
      open_verb_ = false;
      seen_ |= kinds & (kModal | kVerb);
      return true;
    }
    // "free domain names" is an offer.
    if ((kinds & kFree) != 0 && !denied_ && stand_ == Stand::line && (seen_ & kSubject) == 0)
      return false;
    // A verb has to be denied: before it, or by the very next word.
    if (open_verb_) return false;
    if ((kinds & kBeing) != 0 && !negated_) return false;
    if ((kinds & kVerb) != 0 && (kinds & kFiller) == 0 && !negated_) open_verb_ = true;
    if ((kinds & (kVerb | kBeing)) != 0 && (kinds & kFiller) == 0) negated_ = false;
    if ((kinds & kUse) != 0 && kinds == kUse) return false;
    if ((kinds & kMatter) != 0 && denied_ && (seen_ & kVerb) == 0) matter_denied_ = true;
    seen_ |= kinds & ~(kFiller | kOpening);
    return true;
  }

  [[nodiscard]] Outcome held_back(bool subject) const noexcept {
    subject = subject || stand_ == Stand::status;
    if ((seen_ & kValid) != 0) return denied_ && subject ? Outcome::invalid : Outcome::unknown;
    if (denied_ || !subject) return Outcome::unknown;
    if ((seen_ & kReserved) != 0) return Outcome::reserved;
    if ((seen_ & kInvalid) != 0) return Outcome::invalid;
    return (seen_ & kUnavailable) != 0 ? Outcome::unavailable : Outcome::unknown;
  }

  [[nodiscard]] Outcome free(bool subject) const noexcept {
    if (denied_) {
      if (matter_denied_) return Outcome::available;  // "no information available about ..."
      return subject && stand_ == Stand::line &&
                     (seen_ & (kVerb | kBeing | kThing | kMatter | kPlace)) == 0
                 ? Outcome::unavailable
                 : Outcome::unknown;
    }
    if ((seen_ & (kVerb | kBeing | kThing | kMatter | kGone | kModal)) != 0)
      return Outcome::unknown;
    return subject || stand_ == Stand::status ? Outcome::available : Outcome::unknown;
  }

  [[nodiscard]] Outcome denial(bool subject) const noexcept {
    if (!denied_) return Outcome::unknown;
    if ((seen_ & kModal) != 0 && (seen_ & kBeing) != 0)
      return subject ? Outcome::unavailable : Outcome::unknown;
    if (closed_verb_ && (seen_ & kMatter) != 0) return Outcome::unknown;
    if (stand_ == Stand::status && (seen_ & (kSubject | kThing | kBeing)) == 0)
      return Outcome::unknown;
    return (seen_ & (kVerb | kBeing | kThing)) != 0 ? Outcome::available : Outcome::unknown;
  }

  std::string_view name_;
  Stand stand_;
  uint32_t seen_ = 0;
  size_t count_ = 0;
  bool after_opening_ = false;
  bool after_owning_ = false;
  bool after_nic_ = false;
  int strangers_ = 0;           // words that only a place may follow
  size_t strangers_at_ = 0;     // where it did
  bool denied_ = false;         // a word of denial was there
  bool negated_ = false;        // and no verb since
  bool open_verb_ = false;      // a verb that nothing has denied yet
  bool closed_verb_ = false;    // one that the next word denied
  bool matter_denied_ = false;  // "no data"
};

}  // namespace

Outcome outcome_of_sentence(std::span<const Word> words, std::string_view name,
                            Stand stand) noexcept {
  constexpr size_t kSentenceWords = 24;  // the longest seen has 17
  if (words.size() > kSentenceWords) return Outcome::unknown;
  Sentence sentence{name, stand};
  for (const Word& word : words) {
    if (!sentence.take(word)) return Outcome::unknown;
  }
  return sentence.outcome();
}

}  // namespace zonesweep::whois
