#include "protocols/whois/collector.h"

#include <algorithm>

#include "protocols/registration/epp_status.h"
#include "protocols/whois/idna.h"
#include "protocols/whois/servers.h"
#include "protocols/whois/values.h"

namespace zonesweep::whois {
namespace {

using registration::Date;
using registration::DateOrder;
using registration::Dnssec;

constexpr uint8_t kUnset = 255;
constexpr uint8_t kHandleRank = 3;  // of a registrar that is only known by its handle
constexpr std::string_view kRootServer = "whois.iana.org";  // its names may have one label
constexpr size_t kStatusBytes = 64;                         // a state; longer is a sentence
constexpr size_t kHandleBytes = 16;                         // "R22-LRCC"

[[nodiscard]] bool begins_with_epp(std::string_view text) noexcept {
  return !registration::epp_status(text.substr(0, text.find_first_of(" \t,"))).empty();
}
[[nodiscard]] bool is_date(Field field) noexcept {
  return field == Field::created || field == Field::updated || field == Field::expires ||
         field == Field::registrar_expires;
}
// What the bare lines under a heading are that is no label itself.
[[nodiscard]] const Meaning* implied_by(Section section) noexcept {
  static constexpr Meaning kNameserver{Field::nameserver, Section::none, 1};
  static constexpr Meaning kRegistrar{Field::registrar, Section::none, 2};
  if (section == Section::nameservers) return &kNameserver;
  return section == Section::registrar ? &kRegistrar : nullptr;
}

// The same labels in two IDN zones of one registry: .xn--kprw13d and .xn--kpry57d hold the same
// names.
[[nodiscard]] bool is_variant(std::string_view a, std::string_view b) {
  const std::string_view zone_a = zone_of(a);
  const std::string_view zone_b = zone_of(b);
  if (!zone_a.starts_with("xn--") || !zone_b.starts_with("xn--")) return false;
  if (a.substr(0, a.size() - zone_a.size()) != b.substr(0, b.size() - zone_b.size())) return false;
  const std::string server = server_for(zone_a).server;
  return !server.empty() && server == server_for(zone_b).server;
}

[[nodiscard]] bool is_contact(Section section) noexcept {
  return section == Section::contact || section == Section::registrant ||
         section == Section::abuse || section == Section::ignore;
}

}  // namespace

void Collector::begin(const Question& question, DateOrder order,
                      registration::Registration& out) noexcept {
  out_ = &out;
  question_ = question;
  order_ = order;
  evidence_ = {};
  foreign_ = false;
  paragraph_start_ = true;
  after_blank_ = true;
  state_behind_name_ = {};
  forget();
  leave();
}

void Collector::forget() noexcept {
  out_->clear();
  ranks_.fill(kUnset);
  date_texts_.fill({});
  evidence_.contacts = false;
  evidence_.ds_records = 0;
  evidence_.status = Outcome::unknown;
}

void Collector::enter(Section section, uint32_t indent, bool by_paragraph) noexcept {
  section_ = section;
  section_indent_ = indent;
  section_lines_ = 0;
  section_by_paragraph_ = by_paragraph;
  section_indented_ = false;
  section_by_bracket_ = false;
  section_inside_paragraph_ = false;
  pending_ = nullptr;
}

void Collector::take(const Token& token) {
  switch (token.kind) {
    case Token::Kind::blank: return blank();
    case Token::Kind::comment: return;
    case Token::Kind::heading: heading(token); break;
    case Token::Kind::field: field(token); break;
    case Token::Kind::text: text(token); break;
  }
  after_blank_ = false;
  paragraph_start_ = false;
}

void Collector::blank() noexcept {
  paragraph_start_ = true;
  after_blank_ = true;
  if (section_lines_ != 0) leave();
}

void Collector::heading(const Token& token) {
  if (token.label == nullptr) {
    if (token.indent <= section_indent_) leave();
    return;
  }
  // An empty value inside a contact says nothing about what follows.
  if (token.label->heading == Section::none && is_contact(section_) &&
      token.indent >= section_indent_)
    return;
  const Section section = token.label->heading;
  if (section_ == Section::dnssec && after_blank_ && token.indent <= section_indent_) leave();
  const Meaning* const meaning = token.label->meaning_in(section_);
  if (section != Section::none || token.indent <= section_indent_) {
    enter(section, token.indent, false);
  }
  section_by_bracket_ = token.bracket;
  section_inside_paragraph_ = !paragraph_start_;
  pending_ = meaning == nullptr ? implied_by(section) : meaning;
  if (pending_ != nullptr && pending_->field == Field::ignore) pending_ = nullptr;

  pending_by_field_ = false;
  pending_indent_ = token.indent;
  pending_taken_ = 0;
}

// A general meaning holds under most headings; under a contact only where the label says more than
// one word ("Creation Date"), for the one-word labels there are the contact's own.
const Meaning* Collector::meaning_of(const Label& label, uint32_t indent) const noexcept {
  const Meaning* const meaning = label.meaning_in(section_);
  if (meaning == nullptr || meaning->section != Section::none) return meaning;
  if (section_ == Section::registrar) {
    const bool inside = section_by_paragraph_ || indent > section_indent_;
    if (inside && (is_date(meaning->field) || meaning->field == Field::status)) return nullptr;
    return meaning;
  }
  if (!is_contact(section_)) return meaning;
  const bool inside = section_by_paragraph_ || indent > section_indent_;
  if (label.text.find(' ') == std::string_view::npos) {
    return !inside && meaning->field == Field::nameserver ? meaning : nullptr;
  }
  if (!inside || !is_date(meaning->field)) return meaning;
  // "Creation Date" in the paragraph of a registrant: the domain's, where it has no other.
  static constexpr Meaning kLast[] = {{Field::created, Section::none, 7},
                                      {Field::updated, Section::none, 7},
                                      {Field::expires, Section::none, 7}};
  if (!section_by_paragraph_ || label.text.find("date") == std::string_view::npos) return nullptr;
  const auto last = std::ranges::find(kLast, meaning->field, &Meaning::field);
  return last == std::end(kLast) ? nullptr : last;
}

void Collector::field(const Token& token) {
  const bool first_of_paragraph = paragraph_start_;
  if (token.bracket && section_by_bracket_) leave();  // that was a label without a value
  if (section_ != Section::none) {
    if (token.indent > section_indent_) {
      section_indented_ = true;
    } else if (section_indented_ ||
               (section_lines_ == 0 && section_inside_paragraph_ && !after_blank_)) {
      leave();
    }
  }
  pending_ = nullptr;
  pending_by_field_ = false;
  if (token.label == nullptr) {
    ++section_lines_;
    return;
  }
  const Section section = token.label->heading;
  const bool names_object = section != Section::none && section != Section::ignore &&
                            section_lines_ == 0 && section_ == Section::none;
  const Meaning* meaning = nullptr;
  if (first_of_paragraph && names_object) {
    // The first label of a paragraph says what object it describes.
    meaning = section == Section::registrar || section == Section::domain
                  ? token.label->meaning_in(Section::none)
                  : nullptr;
    enter(section, token.indent, true);
    if (section == Section::nameservers || section == Section::dnssec ||
        section == Section::registrant)
      meaning = token.label->meaning_in(Section::none);
  } else {
    meaning = meaning_of(*token.label, token.indent);
    if (is_contact(section) && section != Section::ignore && !foreign_) evidence_.contacts = true;
  }
  ++section_lines_;
  if (is_contact(section_) && section_ != Section::ignore && !foreign_) evidence_.contacts = true;
  if (meaning == nullptr) return;
  if (section_ == Section::registrar && section_by_paragraph_ &&
      meaning->field == Field::registrar) {
    return registrar_object(*meaning, token.value);
  }
  apply(*meaning, token.value);
  if (meaning->field == Field::status || meaning->field == Field::nameserver) {
    // More of them may follow, one a line.
    pending_ = meaning;
    pending_by_field_ = true;
    pending_indent_ = token.indent;
  }
}

// Whether a bare line can be the value of the heading above it.
bool Collector::may_follow(const Token& token) const noexcept {
  switch (pending_->field) {
    case Field::nameserver: {
      HostWords words{token.value};
      if (pending_by_field_ && (after_blank_ || token.indent <= pending_indent_)) return false;
      return words.next() && (is_host_name(words.word()) || is_address(words.word()));
    }
    case Field::domain: return is_host_name(cleaned(token.value.substr(0, token.value.find(' '))));
    case Field::status:
      return token.value.size() <= 2 * kStatusBytes && !after_blank_ &&
             (!pending_by_field_ || begins_with_epp(token.value));
    default: return pending_taken_ == 0 && (token.indent > pending_indent_ || !after_blank_);
  }
}

void Collector::text(const Token& token) {
  if (section_ != Section::none && token.indent > section_indent_) section_indented_ = true;
  if (is_contact(section_) && section_ != Section::ignore && !foreign_) evidence_.contacts = true;
  ++section_lines_;
  if (pending_ != nullptr) {
    if (may_follow(token)) {
      ++pending_taken_;
      apply(*pending_, token.value);
    } else if (pending_->field == Field::nameserver) {
      pending_ = nullptr;
    }
    return;
  }
  if (section_ == Section::abuse && !foreign_) {
    const bool mail = token.value.find('@') != std::string_view::npos;
    apply(Meaning{mail ? Field::abuse_email : Field::abuse_phone, Section::none, 2}, token.value);
    return;
  }
  // A lone name at the top: some registrars write no label.
  if (section_ == Section::none && out_->domain.empty() && !question_.name.empty() &&
      token.value.size() == question_.name.size() && is_host_name(token.value)) {
    domain(Meaning{Field::domain, Section::none, 8}, token.value);
  }
}

void Collector::apply(const Meaning& meaning, std::string_view value) {
  if (value.size() > limits::kValueBytes) return;
  if (meaning.field == Field::domain) return domain(meaning, value);
  if (foreign_) return;
  registration::Registration& out = *out_;
  switch (meaning.field) {
    case Field::none:
    case Field::ignore:
    case Field::domain: return;
    case Field::domain_query:
      if (evidence_.echo.empty()) evidence_.echo = name_from(value);
      return;
    case Field::domain_id: return keep(meaning, value, out.domain_id);
    case Field::registrar: return registrar(meaning, value);
    case Field::registrar_iana_id: return keep(meaning, value, out.registrar_iana_id);
    case Field::registrar_id: return keep(meaning, value, out.registrar_id);
    case Field::registrar_url: return keep(meaning, value, out.registrar_url);
    case Field::referral: return keep(meaning, value, out.referral);
    case Field::created:
    case Field::updated:
    case Field::expires:
    case Field::registrar_expires: return date(meaning, value);
    case Field::status: return statuses(meaning, value);
    case Field::nameserver: return nameservers(value);
    case Field::nameserver_ip: return nameserver_address(value);
    case Field::dnssec: return dnssec(value);
    case Field::ds:
      if (!cleaned(value).empty()) ++evidence_.ds_records;
      return;
    case Field::registrant_org: return keep(meaning, value, out.registrant_org);
    case Field::registrant_country: return keep(meaning, value, out.registrant_country);
    case Field::abuse_email: return keep(meaning, value, out.abuse_email);
    case Field::abuse_phone: return keep(meaning, value, out.abuse_phone);
  }
}

void Collector::keep(const Meaning& meaning, std::string_view value, std::string_view& target) {
  value = cleaned(value);
  uint8_t& rank = rank_of(meaning.field);
  if (value.empty() || rank <= meaning.rank) return;
  rank = meaning.rank;
  target = value;
}

// As the registry writes it, but for a link in brackets.
void Collector::registrar(const Meaning& meaning, std::string_view value) {
  constexpr std::string_view kTag = "[Tag = ";
  if (const size_t tag = value.find(kTag); tag != std::string_view::npos) {
    const std::string_view name = value.substr(tag + kTag.size());
    keep(Meaning{Field::registrar_id, Section::none, 1}, name.substr(0, name.find(']')),
         out_->registrar_id);
  } else if (const size_t link = value.find(" (http");
             link != std::string_view::npos && link != 0) {
    value = value.substr(0, link);
  }
  if (meaning.rank == kHandleRank)
    keep(Meaning{Field::registrar_id, Section::none, 2}, value, out_->registrar_id);
  keep(meaning, value, out_->registrar);
}

// An object of its own about the registrar: its handle first, then its name.
void Collector::registrar_object(const Meaning& meaning, std::string_view value) {
  if (meaning.section == Section::none) {
    apply(meaning, value);
    registrar_object_is_ours_ = cleaned(value) == out_->registrar;
  } else if (registrar_object_is_ours_) {
    rank_of(Field::registrar) = static_cast<uint8_t>(meaning.rank + 1);
    apply(meaning, value);
    rank_of(Field::registrar) = 0;
    registrar_object_is_ours_ = false;
  } else {
    apply(meaning, value);
  }
}

std::string_view Collector::name_from(std::string_view value) {
  value = cleaned(value);
  const size_t end = value.find_first_of(" \t(,;");
  value = value.substr(0, end);
  while (!value.empty() && value.back() == '.') value.remove_suffix(1);
  if (value.empty() || value.size() > 253) return {};
  const bool ascii =
      std::ranges::none_of(value, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  if (ascii) return arena_.store_lower(value);
  const std::string_view a_labels = to_a_labels(value, arena_);
  return a_labels.empty() ? arena_.store_lower(value) : a_labels;
}

void Collector::domain(const Meaning& meaning, std::string_view value) {
  std::string_view name = name_from(value);
  if (name.empty()) return;
  const std::string_view asked = question_.name;
  if (asked.empty()) {
    if (is_host_name(name) || question_.server == kRootServer) new_record(name, meaning.rank);
    return;
  }
  // Some leave the zone out; a host in the zone is answered with its domain.
  const bool same = name == asked ||
                    (asked.starts_with(name) && asked.size() > name.size() &&
                     asked[name.size()] == '.' && name.find('.') == std::string_view::npos) ||
                    (asked.starts_with("www.") && name == asked.substr(4)) ||
                    is_variant(name, asked);
  if (!same) {
    if (!is_host_name(name) && name.find('.') == std::string_view::npos && meaning.rank > 1) return;
    foreign_ = true;
    evidence_.other_name = true;
    return;
  }
  state_behind(value);
  if (section_ == Section::registrar && section_by_paragraph_) leave();
  if (name.find('.') == std::string_view::npos) name = arena_.store(asked);
  // What came before the first record about the name belongs to another only if there was one.
  if (!evidence_.name_matched && foreign_) forget();
  new_record(name, meaning.rank);
}

// "Domain EXAMPLE.KG (ACTIVE)"
void Collector::state_behind(std::string_view value) {
  constexpr std::string_view kStates[] = {"active",    "inactive", "locked",  "hold",
                                          "suspended", "expired",  "deleted", "reserved"};
  const size_t open = value.find(" (");
  if (open == std::string_view::npos || !value.ends_with(')')) return;
  const std::string_view state = value.substr(open + 2, value.size() - open - 3);
  if (std::ranges::any_of(kStates,
                          [&](auto word) { return registration::same_letters(state, word); })) {
    state_behind_name_ = state;
  }
}

void Collector::new_record(std::string_view name, uint8_t rank) {
  uint8_t& current = rank_of(Field::domain);
  if (out_->domain.empty() || (name != out_->domain && rank < current)) {
    if (!out_->domain.empty()) forget();
    out_->domain = name;
    current = rank;
  } else if (name != out_->domain) {
    foreign_ = rank == current;
    return;
  } else {
    // The same again: lists repeat.
    if (!out_->nameservers.empty()) rank_of(Field::nameserver) = 0;
    if (!out_->statuses.empty()) rank_of(Field::status) = 0;
  }
  evidence_.name_matched = true;
  foreign_ = false;
}

void Collector::nameservers(std::string_view value) {
  if (rank_of(Field::nameserver) == 0) return;
  HostWords words{cleaned(value)};
  size_t host = SIZE_MAX;
  for (size_t count = 0; count < limits::kNameservers && words.next(); ++count) {
    const std::string_view word = words.word();
    if (is_address(word)) {
      if (host != SIZE_MAX && out_->nameserver_addresses.size() < limits::kHostAddresses) {
        out_->nameserver_addresses.push_back({static_cast<uint32_t>(host), word});
      }
      continue;
    }
    if (!is_host_name(word)) continue;
    const std::string_view name = name_from(word);
    if (name.empty() || name.ends_with(".ser")) continue;  // .my: the handle of a host
    if (name == out_->domain) continue;  // the owner of the record, in the format of zone files
    const auto known = std::ranges::find(out_->nameservers, name);
    host = static_cast<size_t>(known - out_->nameservers.begin());
    if (known != out_->nameservers.end()) continue;
    if (out_->nameservers.size() == limits::kNameservers) return;
    out_->nameservers.push_back(name);
  }
}

void Collector::nameserver_address(std::string_view value) {
  if (rank_of(Field::nameserver) == 0 || out_->nameservers.empty()) return;
  HostWords words{value};
  while (words.next() && out_->nameserver_addresses.size() < limits::kHostAddresses) {
    if (is_address(words.word())) {
      out_->nameserver_addresses.push_back(
          {static_cast<uint32_t>(out_->nameservers.size() - 1), words.word()});
    }
  }
}

void Collector::statuses(const Meaning& meaning, std::string_view value) {
  uint8_t& rank = rank_of(Field::status);
  // A name that is "not available" is taken; elsewhere the words stand for a missing value.
  if (const std::string_view kept = cleaned(value);
      !kept.empty() || !registration::same_letters(value, "notavailable"))
    value = kept;
  if (value.empty() || rank == 0) return;
  rank = meaning.rank;
  if (const Outcome outcome = outcomes_.read_status(value, question_);
      outcome != Outcome::unknown) {
    evidence_.status = outcome;
  }
  // .jp: "Connected (2014/03/31)" is registered until then.
  if (const size_t open = value.rfind('(');
      open != std::string_view::npos && value.ends_with(')')) {
    date(Meaning{Field::expires, Section::none, 8}, value.substr(open + 1));
  }
  StatusPieces pieces{value};
  while (pieces.next() && out_->statuses.size() < limits::kStatuses) {
    const std::string_view epp = registration::epp_status(pieces.piece());
    const std::string_view state = epp.empty() ? pieces.piece() : epp;
    if (std::ranges::find(out_->statuses, state) == out_->statuses.end())
      out_->statuses.push_back(state);
  }
}

void Collector::dnssec(std::string_view value) noexcept {
  const Dnssec stated = dnssec_from(value);
  if (stated != Dnssec::unstated && out_->dnssec == Dnssec::unstated) out_->dnssec = stated;
}

namespace {

// RPSL: "who 20140327" or "who 20140327 (Changed)", a line for each time.
struct Change {
  std::string_view digits;
  bool first = false;  // the remark says that the object began there
};
[[nodiscard]] Change change_of(std::string_view value) noexcept {
  Change change;
  if (value.ends_with(')')) {
    const size_t open = std::min(value.rfind(" ("), value.size() - 1);
    const std::string_view remark = value.substr(open);
    change.first = remark == " (Assigned)" || remark == " (Created)" || remark == " (Registered)";
    value = value.substr(0, open);
  }
  const size_t blank = value.rfind(' ');
  if (blank == std::string_view::npos || value.find('@') == std::string_view::npos) {
    if (value.find(" AT ") == std::string_view::npos) return {};
  }
  const std::string_view digits = value.substr(blank + 1);
  if (digits.size() != 8 || digits.find_first_not_of("0123456789") != std::string_view::npos)
    return {};
  change.digits = digits;
  return change;
}

}  // namespace

void Collector::date(const Meaning& meaning, std::string_view value) {
  if (meaning.field == Field::updated) {
    const Change change = change_of(value);
    if (change.first) return date(Meaning{Field::created, Section::none, 4}, change.digits);
    if (!change.digits.empty()) {
      std::string_view& text = date_texts_[static_cast<size_t>(Field::updated)];
      const bool later = text.size() == change.digits.size() && text < change.digits;
      if (later && rank_of(Field::updated) == meaning.rank) text = change.digits;
      value = change.digits;
    }
  }
  uint8_t& rank = rank_of(meaning.field);
  if (rank <= meaning.rank) return;
  const Date read = registration::date_from_text(value, DateOrder::day_first);
  if (!read.known() && !registration::date_from_text(value, DateOrder::month_first).known()) return;
  rank = meaning.rank;
  date_texts_[static_cast<size_t>(meaning.field)] = value;
}

void Collector::finish() {
  if (out_->statuses.empty() && !state_behind_name_.empty())
    statuses(Meaning{Field::status, Section::none, 8}, state_behind_name_);
  for (const std::string_view text : date_texts_) {
    const DateOrder proof = registration::order_of(text);
    if (proof != DateOrder::unknown) order_ = proof;
  }
  const auto read = [&](Field field) {
    return registration::date_from_text(date_texts_[static_cast<size_t>(field)], order_);
  };
  out_->created = read(Field::created);
  out_->updated = read(Field::updated);
  out_->expires = read(Field::expires);
  out_->registrar_expires = read(Field::registrar_expires);
  // A registrar's own server knows no other date than its own.
  if (!out_->expires.known()) out_->expires = out_->registrar_expires;
  if (out_->dnssec == Dnssec::unstated && evidence_.ds_records != 0)
    out_->dnssec = Dnssec::signed_delegation;
}

}  // namespace zonesweep::whois
