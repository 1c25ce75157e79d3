#include "protocols/whois/label_words.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <utility>

#include "protocols/whois/tables.h"

namespace zonesweep::whois {
namespace {

enum Kind : uint32_t {
  kCreate = 1U << 0,
  kExpire = 1U << 1,
  kUpdate = 1U << 2,
  kDate = 1U << 3,
  kPaid = 1U << 4,
  kFiller = 1U << 5,
  kDomain = 1U << 6,
  kName = 1U << 7,
  kRegistrar = 1U << 8,
  kSponsor = 1U << 9,
  kNameserver = 1U << 10,
  kServer = 1U << 11,
  kOrder = 1U << 12,
  kAddress = 1U << 13,
  kUrl = 1U << 14,
  kIana = 1U << 15,
  kHandle = 1U << 16,
  kWhois = 1U << 17,
  kAbuse = 1U << 18,
  kMail = 1U << 19,
  kPhone = 1U << 20,
  kContact = 1U << 21,
  kStatus = 1U << 22,
  kFlags = 1U << 23,
  kDnssec = 1U << 24,
  kSigned = 1U << 25,
  kHolder = 1U << 26,
  kCountry = 1U << 27,
  kInformation = 1U << 28,
  kRole = 1U << 29,
};

constexpr std::pair<std::string_view, Kind> kKinds[] = {
    {"create", kCreate},
    {"expire", kExpire},
    {"update", kUpdate},
    {"date", kDate},
    {"paid", kPaid},
    {"filler", kFiller},
    {"domain", kDomain},
    {"name", kName},
    {"registrar", kRegistrar},
    {"sponsor", kSponsor},
    {"nameserver", kNameserver},
    {"server", kServer},
    {"order", kOrder},
    {"address", kAddress},
    {"url", kUrl},
    {"iana", kIana},
    {"handle", kHandle},
    {"whois", kWhois},
    {"abuse", kAbuse},
    {"mail", kMail},
    {"phone", kPhone},
    {"contact", kContact},
    {"status", kStatus},
    {"flags", kFlags},
    {"dnssec", kDnssec},
    {"signed", kSigned},
    {"holder", kHolder},
    {"country", kCountry},
    {"information", kInformation},
    {"role", kRole},
};

[[nodiscard]] constexpr uint32_t hash_of(std::string_view text) noexcept {
  uint32_t hash = 2166136261U;  // FNV-1a, 32 bits
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

// Open addressing over a power of two, less than half full.
class WordTable {
 public:
  WordTable() {
    TableReader rows{data::k_label_words_tsv};
    while (rows.next()) {
      assert(rows.columns() == 2);
      for (Pieces words{rows.column(1), '|'}; words.next();)
        at(words.piece()).kinds |= kind_of(rows.column(0));
    }
  }
  [[nodiscard]] uint32_t kinds_of(std::string_view word) const noexcept {
    for (size_t i = hash_of(word) & kMask;; i = (i + 1) & kMask) {
      if (slots_[i].kinds == 0 || slots_[i].word == word) return slots_[i].kinds;
    }
  }

 private:
  struct Slot {
    std::string_view word;
    uint32_t kinds = 0;
  };
  [[nodiscard]] Slot& at(std::string_view word) noexcept {
    size_t i = hash_of(word) & kMask;
    while (slots_[i].kinds != 0 && slots_[i].word != word) i = (i + 1) & kMask;
    slots_[i].word = word;
    return slots_[i];
  }
  [[nodiscard]] static uint32_t kind_of(std::string_view name) noexcept {
    for (const auto& [word, kind] : kKinds) {
      if (word == name) return kind;
    }
    assert(false && "a kind of label_words.tsv is unknown");
    return 0;
  }
  static constexpr size_t kSlots = 1024;
  static constexpr size_t kMask = kSlots - 1;
  std::array<Slot, kSlots> slots_{};
};

[[nodiscard]] const WordTable& words() {
  static const WordTable table;
  return table;
}

// Two words, so that the collector takes them for more than the label of a contact.
[[nodiscard]] constexpr Label composed(Field field, uint8_t rank,
                                       Section heading = Section::none) noexcept {
  Label label{.text = "composed label", .heading = heading};
  label.meanings[0] = Meaning{field, Section::none, rank};
  label.meaning_count = 1;
  return label;
}
[[nodiscard]] constexpr Label composed_heading(Section heading) noexcept {
  return Label{.text = "composed heading", .heading = heading};
}

// All of `some`, any of `optional`, nothing else.
[[nodiscard]] constexpr bool is_made_of(uint32_t kinds, uint32_t some, uint32_t optional) noexcept {
  return (kinds & some) == some && (kinds & ~(some | optional)) == 0;
}

constexpr uint32_t kAround = kFiller | kDomain | kName | kDate;

[[nodiscard]] const Label* date_label(uint32_t kinds) noexcept {
  static constexpr Label kCreated = composed(Field::created, 3);
  static constexpr Label kUpdated = composed(Field::updated, 3);
  static constexpr Label kExpires = composed(Field::expires, 3);
  static constexpr Label kRegistrarExpires = composed(Field::registrar_expires, 3);
  if (is_made_of(kinds, kExpire, kAround | kCreate | kPaid)) return &kExpires;
  if (is_made_of(kinds, kExpire | kRegistrar, kAround | kCreate | kPaid)) return &kRegistrarExpires;
  if (is_made_of(kinds, kUpdate, kAround)) return &kUpdated;
  return is_made_of(kinds, kCreate, kAround) ? &kCreated : nullptr;
}

[[nodiscard]] const Label* registrar_label(uint32_t kinds) noexcept {
  static constexpr Label kName_ = composed(Field::registrar, 4, Section::registrar);
  static constexpr Label kId = composed(Field::registrar_id, 4);
  static constexpr Label kIanaId = composed(Field::registrar_iana_id, 3);
  static constexpr Label kUrl_ = composed(Field::registrar_url, 3);
  static constexpr Label kReferral = composed(Field::referral, 3);
  static constexpr Label kAbuseMail = composed(Field::abuse_email, 3);
  static constexpr Label kAbusePhone = composed(Field::abuse_phone, 3);
  static constexpr Label kHeading = composed_heading(Section::registrar);
  constexpr uint32_t kWho = kSponsor | kFiller | kDomain | kName;
  if (is_made_of(kinds, kAbuse | kMail, kRegistrar | kContact | kAddress | kWho))
    return &kAbuseMail;
  if (is_made_of(kinds, kAbuse | kPhone, kRegistrar | kContact | kHandle | kWho))
    return &kAbusePhone;
  if ((kinds & kRegistrar) == 0) return nullptr;
  kinds &= ~kRegistrar;
  if (is_made_of(kinds, 0, kWho)) return &kName_;
  if (is_made_of(kinds, kIana, kWho | kHandle)) return &kIanaId;
  if (is_made_of(kinds, kHandle, kWho)) return &kId;
  if (is_made_of(kinds, kUrl, kWho | kAddress)) return &kUrl_;
  if (is_made_of(kinds, kWhois | kServer, kWho)) return &kReferral;
  return is_made_of(kinds, kInformation, kWho | kContact) ? &kHeading : nullptr;
}

[[nodiscard]] const Label* nameserver_label(uint32_t kinds, bool name_server) noexcept {
  static constexpr Label kHost = composed(Field::nameserver, 2, Section::nameservers);
  static constexpr Label kIp = composed(Field::nameserver_ip, 2);
  if ((kinds & kNameserver) == 0 && !name_server && !is_made_of(kinds, kOrder | kServer, kFiller))
    return nullptr;
  constexpr uint32_t kWhich = kNameserver | kServer | kOrder | kFiller | kDomain | kName;
  if (is_made_of(kinds, 0, kWhich | kInformation)) return &kHost;
  return is_made_of(kinds, kAddress, kWhich) ? &kIp : nullptr;
}

[[nodiscard]] const Label* other_label(uint32_t kinds) noexcept {
  static constexpr Label kState = composed(Field::status, 3);
  static constexpr Label kSecured = composed(Field::dnssec, 3);
  static constexpr Label kOrganization = composed(Field::registrant_org, 3);
  static constexpr Label kHome = composed(Field::registrant_country, 3);
  static constexpr Label kHolders = composed_heading(Section::registrant);
  static constexpr Label kRoles = composed_heading(Section::contact);
  if (is_made_of(kinds, kStatus, kAround | kCreate | kFlags | kHandle)) return &kState;
  if (is_made_of(kinds, kDnssec, kSigned | kStatus | kFiller | kDomain | kOrder)) return &kSecured;
  if (is_made_of(kinds, kHolder | kSponsor, kFiller | kDomain | kName | kContact))
    return &kOrganization;
  if (is_made_of(kinds, kHolder | kCountry,
                 kHandle | kFlags | kFiller | kDomain | kName | kContact))
    return &kHome;
  constexpr uint32_t kAbout = kContact | kInformation | kFiller | kDomain | kName;
  if ((kinds & (kContact | kInformation)) == 0) return nullptr;
  if (is_made_of(kinds, kHolder, kAbout)) return &kHolders;
  return is_made_of(kinds, kRole, kAbout) ? &kRoles : nullptr;
}

}  // namespace

const Label* composed_label(std::string_view folded) noexcept {
  const WordTable& table = words();
  uint32_t kinds = 0;
  uint32_t last = 0;
  bool name_server = false;  // in this order: a "server name" is another thing
  while (!folded.empty()) {
    const size_t end = std::min(folded.find(' '), folded.size());
    const uint32_t word = table.kinds_of(folded.substr(0, end));
    if (word == 0) return nullptr;
    name_server = name_server || ((last & kName) != 0 && (word & kServer) != 0);
    kinds |= word;
    last = word;
    folded.remove_prefix(std::min(end + 1, folded.size()));
  }
  if (const Label* const label = date_label(kinds); label != nullptr) return label;
  if (const Label* const label = registrar_label(kinds); label != nullptr) return label;
  if (const Label* const label = nameserver_label(kinds, name_server); label != nullptr)
    return label;
  return other_label(kinds);
}

}  // namespace zonesweep::whois
