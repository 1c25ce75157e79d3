// protocols/whois/collector.h - tokens in, fields of a registration out.
//
// Keeps the heading under which a line stands, so that the "Name" of a registrar is no contact's
// and the "Created" of a contact is no domain's, and the record it belongs to: an answer may hold
// several, and only the one about the asked name counts.
//
// Threads:    none; one per parser.
// Invariants: (1) nothing of a record about another name is kept; (2) the first of two values of
//             one rank stays; (3) what a registration holds is bounded by limits.
// Ownership:  the registration borrows from the lines and from the arena.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "protocols/registration/registration.h"
#include "protocols/registration/text_arena.h"
#include "protocols/whois/labels.h"
#include "protocols/whois/outcome.h"
#include "protocols/whois/tokenizer.h"

namespace zonesweep::whois {

namespace limits {
inline constexpr size_t kNameservers =
    64;  // of one domain; 13 fit a DNS message, registries allow more
inline constexpr size_t kHostAddresses = 256;  // of all of them
inline constexpr size_t kStatuses = 64;        // of one domain; EPP has 24
inline constexpr size_t kValueBytes = 1024;    // of one field; longer text is prose
}  // namespace limits

// What the collector saw beyond the fields.
struct Evidence {
  bool name_matched = false;  // a record about the asked name
  bool other_name = false;    // a record about another
  bool contacts = false;      // a line of a registrant or contact with something in it
  uint32_t ds_records = 0;
  Outcome status = Outcome::unknown;  // what the states say
  std::string_view echo;              // the name, where only the question repeats it
};

class Collector {
 public:
  explicit Collector(registration::TextArena& arena) noexcept : arena_(arena) {}

  void begin(const Question& question, registration::DateOrder order,
             registration::Registration& out) noexcept;
  void take(const Token& token);
  // Dates are read last: one of them may tell the order of all.
  void finish();
  [[nodiscard]] const Evidence& evidence() const noexcept { return evidence_; }

 private:
  void blank() noexcept;
  void heading(const Token& token);
  void field(const Token& token);
  void text(const Token& token);

  void enter(Section section, uint32_t indent, bool by_paragraph) noexcept;
  void leave() noexcept { enter(Section::none, 0, false); }
  [[nodiscard]] const Meaning* meaning_of(const Label& label, uint32_t indent) const noexcept;
  [[nodiscard]] bool may_follow(const Token& token) const noexcept;

  void apply(const Meaning& meaning, std::string_view value);
  void keep(const Meaning& meaning, std::string_view value, std::string_view& target);
  void domain(const Meaning& meaning, std::string_view value);
  void registrar(const Meaning& meaning, std::string_view value);
  void registrar_object(const Meaning& meaning, std::string_view value);
  void nameservers(std::string_view value);
  void nameserver_address(std::string_view value);
  void statuses(const Meaning& meaning, std::string_view value);
  void dnssec(std::string_view value) noexcept;
  void date(const Meaning& meaning, std::string_view value);
  void state_behind(std::string_view value);
  void new_record(std::string_view name, uint8_t rank);
  void forget() noexcept;

  [[nodiscard]] std::string_view name_from(std::string_view value);
  [[nodiscard]] uint8_t& rank_of(Field field) noexcept {
    return ranks_[static_cast<size_t>(field)];
  }

  registration::TextArena& arena_;
  registration::Registration* out_ = nullptr;
  Question question_;
  registration::DateOrder order_ = registration::DateOrder::unknown;
  OutcomeReader outcomes_;
  Evidence evidence_;
  std::array<uint8_t, kFieldCount> ranks_{};
  std::array<std::string_view, kFieldCount> date_texts_{};

  Section section_ = Section::none;
  uint32_t section_indent_ = 0;
  uint32_t section_lines_ = 0;
  bool section_by_paragraph_ = false;
  bool section_inside_paragraph_ = false;  // between fields: may be a field without a value
  bool section_by_bracket_ = false;
  bool section_indented_ = false;  // its lines stand deeper than its heading
  bool paragraph_start_ = true;
  bool after_blank_ = true;
  const Meaning* pending_ = nullptr;  // of a heading that waits for its value on the next line
  bool pending_by_field_ = false;     // of a field whose value may go on
  uint32_t pending_indent_ = 0;
  uint32_t pending_taken_ = 0;

  std::string_view state_behind_name_;
  bool registrar_object_is_ours_ = false;  // its handle is what the domain names
  bool foreign_ = false;                   // inside a record about another name
};

}  // namespace zonesweep::whois
