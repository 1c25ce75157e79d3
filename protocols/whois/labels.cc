#include "protocols/whois/labels.h"

#include <cassert>
#include <utility>

#include "protocols/whois/label_words.h"
#include "protocols/whois/tables.h"

namespace zonesweep::whois {
namespace {

constexpr std::array<std::pair<std::string_view, Field>, kFieldCount - 1> kFields = {{
    {"ignore", Field::ignore},
    {"domain", Field::domain},
    {"domain.query", Field::domain_query},
    {"domain_id", Field::domain_id},
    {"registrar", Field::registrar},
    {"registrar_iana_id", Field::registrar_iana_id},
    {"registrar_id", Field::registrar_id},
    {"registrar_url", Field::registrar_url},
    {"referral", Field::referral},
    {"created", Field::created},
    {"updated", Field::updated},
    {"expires", Field::expires},
    {"registrar_expires", Field::registrar_expires},
    {"status", Field::status},
    {"nameserver", Field::nameserver},
    {"nameserver_ip", Field::nameserver_ip},
    {"dnssec", Field::dnssec},
    {"ds", Field::ds},
    {"registrant_org", Field::registrant_org},
    {"registrant_country", Field::registrant_country},
    {"abuse_email", Field::abuse_email},
    {"abuse_phone", Field::abuse_phone},
}};

constexpr std::pair<std::string_view, Section> kSections[] = {
    {"*", Section::none},
    {"h.domain", Section::domain},
    {"h.dates", Section::dates},
    {"h.nameservers", Section::nameservers},
    {"h.dnssec", Section::dnssec},
    {"h.registrar", Section::registrar},
    {"h.registrant", Section::registrant},
    {"h.contact", Section::contact},
    {"h.abuse", Section::abuse},
    {"h.ignore", Section::ignore},
};

// Open addressing over a power of two, at most half full.
class LabelTable {
 public:
  LabelTable() {
    TableReader rows{data::k_labels_tsv};
    while (rows.next()) add_row(rows);
  }

  [[nodiscard]] const Label* find(std::string_view text, uint32_t hash) const noexcept {
    for (size_t at = hash & kMask;; at = (at + 1) & kMask) {
      const uint32_t index = slots_[at];
      if (index == 0) return nullptr;
      if (labels_[index - 1].text == text) return &labels_[index - 1];
    }
  }

 private:
  void add_row(TableReader& row) {
    assert(row.columns() == 4);
    for (Pieces labels{row.column(3), '|'}; labels.next();) {
      LabelFolder folded;
      folded.add(labels.piece());
      assert(folded.text() == labels.piece());  // the data is written as it is folded
      add(labels.piece(), row);
    }
  }
  void add(std::string_view text, const TableReader& row) {
    Label& label = label_of(text);
    const Section section = section_of(row.column(1));
    if (row.column(0).starts_with("h.")) {
      label.heading = section_of(row.column(0));
      return;
    }
    assert(label.meaning_count < limits::kLabelMeanings);
    label.meanings[label.meaning_count++] =
        Meaning{field_of(row.column(0)), section, static_cast<uint8_t>(row.column(2)[0] - '0')};
  }
  Label& label_of(std::string_view text) {
    LabelFolder folded;
    folded.add(text);
    size_t at = folded.hash() & kMask;
    for (; slots_[at] != 0; at = (at + 1) & kMask) {
      if (labels_[slots_[at] - 1].text == text) return labels_[slots_[at] - 1];
    }
    labels_.push_back(Label{.text = text});
    assert(labels_.size() * 2 <= slots_.size());
    slots_[at] = static_cast<uint16_t>(labels_.size());
    return labels_.back();
  }
  [[nodiscard]] static Field field_of(std::string_view word) noexcept {
    for (const auto& [name, field] : kFields) {
      if (name == word) return field;
    }
    assert(false && "a field of labels.tsv is unknown");
    return Field::none;
  }
  [[nodiscard]] static Section section_of(std::string_view word) noexcept {
    for (const auto& [name, section] : kSections) {
      if (name == word) return section;
    }
    assert(false && "a section of labels.tsv is unknown");
    return Section::none;
  }

  static constexpr size_t kSlots = 4096;
  static constexpr size_t kMask = kSlots - 1;
  std::vector<Label> labels_;
  std::array<uint16_t, kSlots> slots_{};  // index of the label plus one; 0: free
};

[[nodiscard]] const LabelTable& table() {
  static const LabelTable labels;
  return labels;
}

}  // namespace

const Meaning* Label::meaning_in(Section section) const noexcept {
  const Meaning* general = nullptr;
  for (const Meaning& meaning : std::span{meanings}.first(meaning_count)) {
    if (meaning.section == section && section != Section::none) return &meaning;
    if (meaning.section == Section::none && (general == nullptr || meaning.rank < general->rank)) {
      general = &meaning;
    }
  }
  return general;
}

namespace {

// What a byte becomes: a letter, kDropped, or kSeparator.
constexpr char kSeparator = '\0';
constexpr char kDropped = '\1';
constexpr std::array<char, 256> kFolding = [] {
  std::array<char, 256> folding{};
  for (size_t i = 0; i < folding.size(); ++i) {
    const auto c = static_cast<char>(i);
    folding[i] = c >= 'A' && c <= 'Z'                  ? static_cast<char>(c + ('a' - 'A'))
                 : (c >= 'a' && c <= 'z') || i >= 0x80 ? c
                 : c >= '0' && c <= '9'                ? kDropped
                                                       : kSeparator;
  }
  return folding;
}();

// U+00C0 to U+00FF without their accents.
constexpr std::string_view kBare =
    "aaaaaaaceeeeiiiidnooooo ouuuuytsaaaaaaaceeeeiiiidnooooo ouuuuyty";
static_assert(kBare.size() == 64);

}  // namespace

void LabelFolder::add(std::string_view text) noexcept {
  for (size_t at = 0; at < text.size() && !too_long_; ++at) {
    char c = kFolding[static_cast<unsigned char>(text[at])];
    if (c == kDropped) continue;
    if (c == '\xC3' && at + 1 < text.size())
      c = kBare[static_cast<unsigned char>(text[++at]) & 0x3FU];
    if (c == '\xD0' && at + 1 < text.size()) {  // Cyrillic capitals
      const auto next = static_cast<unsigned char>(text[at + 1]);
      if (next >= 0x90 && next <= 0xAF) {
        if (blank_pending_ && size_ != 0) put(' ');
        blank_pending_ = false;
        put(next <= 0x9F ? '\xD0' : '\xD1');
        put(static_cast<char>(next <= 0x9F ? next + 0x20 : next - 0x20));
        ++at;
        continue;
      }
    }
    if (c == kSeparator || c == ' ') {
      blank_pending_ = true;
      continue;
    }
    if (blank_pending_ && size_ != 0) put(' ');
    blank_pending_ = false;
    put(c);
  }
}

const Label* find_label(const LabelFolder& folded) noexcept {
  return folded.usable() ? table().find(folded.text(), folded.hash()) : nullptr;
}

namespace {

[[nodiscard]] const Label* known_or_composed(const LabelFolder& folded) noexcept {
  const Label* const known = find_label(folded);
  return known != nullptr || !folded.usable() ? known : composed_label(folded.text());
}

[[nodiscard]] const Label* find_whole(std::string_view text) noexcept {
  LabelFolder folded;
  folded.add(text);
  return known_or_composed(folded);
}

// "RegistryExpiryDate"
[[nodiscard]] const Label* find_humps(std::string_view text) noexcept {
  const auto is_hump = [&](size_t at) {
    return text[at - 1] >= 'a' && text[at - 1] <= 'z' && text[at] >= 'A' && text[at] <= 'Z';
  };
  if (text.find(' ') != std::string_view::npos) return nullptr;
  LabelFolder folded;
  size_t from = 0;
  for (size_t at = 1; at < text.size(); ++at) {
    if (!is_hump(at)) continue;
    folded.add(text.substr(from, at - from));
    folded.add(" ");
    from = at;
  }
  if (from == 0) return nullptr;
  folded.add(text.substr(from));
  return known_or_composed(folded);
}

// Half a label is as good as the whole where it has two words, or the one that forms do not ask for.
[[nodiscard]] bool says_enough(std::string_view half) noexcept {
  return half == "status" || half.find(' ') != std::string_view::npos;
}
[[nodiscard]] bool says_the_same(const Label& a, const Label& b) noexcept {
  return a.heading == b.heading && a.meaning_count == b.meaning_count &&
         (a.meaning_count == 0 || a.meanings[0].field == b.meanings[0].field);
}

}  // namespace

const Label* find_label(std::string_view text) noexcept {
  const Label* const whole = find_whole(text);
  if (whole != nullptr) return whole;
  if (const Label* const humps = find_humps(text); humps != nullptr) return humps;
  // "Created (dd/mm/yyyy)", "Domain Name (ASCII)"
  const size_t open = text.find('(');
  if (open != std::string_view::npos && open != 0) {
    text = text.substr(0, open);
    if (const Label* const label = find_whole(text); label != nullptr) return label;
  }
  // "Estado / Status"; the "State/Province" of an address is none
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return nullptr;
  const Label* const first = find_whole(text.substr(0, slash));
  const Label* const second = find_whole(text.substr(slash + 1));
  if (first != nullptr && second != nullptr)
    return says_the_same(*first, *second) ? first : nullptr;
  const Label* const known = first != nullptr ? first : second;
  return known != nullptr && says_enough(known->text) ? known : nullptr;
}

}  // namespace zonesweep::whois
