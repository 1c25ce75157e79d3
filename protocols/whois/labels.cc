#include "protocols/whois/labels.h"

#include <cassert>
#include <utility>

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

const Label* find_label(std::string_view text) noexcept {
  LabelFolder folded;
  folded.add(text);
  return find_label(folded);
}

}  // namespace zonesweep::whois
