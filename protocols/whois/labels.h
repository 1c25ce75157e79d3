// protocols/whois/labels.h - what the label of a line means, whatever its spelling.
//
// A label is folded before it is looked up: ASCII letters in lower case, Latin letters without
// their accents, digits left out, every run of other ASCII characters one blank, none at the ends.
// "NS 1", "ns1:" and "[NS]" are "ns". The meanings are data: protocols/whois/data/labels.tsv.
//
// Threads:    pure functions; the table is built once, at first use.
// Ownership:  what find_label() returns is static.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace zonesweep::whois {

namespace limits {
inline constexpr size_t kLabelBytes = 64;    // folded; the longest label of the data has 61
inline constexpr size_t kLabelMeanings = 4;  // of one label, by section
}  // namespace limits

enum class Field : uint8_t {
  none,
  ignore,
  domain,
  domain_query,  // an echo of the question; proves nothing
  domain_id,
  registrar,
  registrar_iana_id,
  registrar_id,
  registrar_url,
  referral,
  created,
  updated,
  expires,
  registrar_expires,
  status,
  nameserver,
  nameserver_ip,
  dnssec,
  ds,
  registrant_org,
  registrant_country,
  abuse_email,
  abuse_phone,
};
inline constexpr size_t kFieldCount = static_cast<size_t>(Field::abuse_phone) + 1;

// Under which heading a line stands.
enum class Section : uint8_t {
  none,
  domain,
  dates,
  nameservers,
  dnssec,
  registrar,
  registrant,
  contact,
  abuse,
  ignore,
};

struct Meaning {
  Field field = Field::none;
  Section section = Section::none;
  uint8_t rank = 9;  // a lower one replaces a higher
};

struct Label {
  std::string_view text;
  Section heading = Section::none;  // what it begins, where it is a heading
  std::array<Meaning, limits::kLabelMeanings> meanings{};
  uint8_t meaning_count = 0;

  // The meaning under this heading, or the general one.
  [[nodiscard]] const Meaning* meaning_in(Section section) const noexcept;
};

// Folds step by step, so that growing beginnings of a line can be looked up.
class LabelFolder {
 public:
  void add(std::string_view text) noexcept;
  void clear() noexcept { *this = LabelFolder{}; }
  [[nodiscard]] std::string_view text() const noexcept { return {bytes_.data(), size_}; }
  [[nodiscard]] uint32_t hash() const noexcept { return hash_; }
  [[nodiscard]] bool usable() const noexcept { return size_ != 0 && !too_long_; }

 private:
  void put(char c) noexcept {
    if (size_ == bytes_.size()) {
      too_long_ = true;
      return;
    }
    bytes_[size_++] = c;
    hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 16777619U;
  }
  std::array<char, limits::kLabelBytes> bytes_;
  size_t size_ = 0;
  uint32_t hash_ = 2166136261U;  // FNV-1a, 32 bits
  bool blank_pending_ = false;
  bool too_long_ = false;
};

// In the dictionary; null for a label that is not.
[[nodiscard]] const Label* find_label(const LabelFolder& folded) noexcept;
// In the dictionary or by its words (label_words.h), as a whole or in parts: "Created (dd/mm/yyyy)",
// "Estado / Status", "ExpiryDate". Null for a label that means nothing here.
[[nodiscard]] const Label* find_label(std::string_view text) noexcept;

}  // namespace zonesweep::whois
