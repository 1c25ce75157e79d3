#include "protocols/rdap/parser.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "protocols/rdap/jcard.h"
#include "protocols/rdap/json.h"
#include "protocols/registration/clean_text.h"
#include "protocols/registration/epp_status.h"
#include "protocols/registration/text_arena.h"

namespace zonesweep::rdap {
namespace {

using registration::Date;
using registration::DateOrder;
using registration::Dnssec;
using registration::Outcome;
using registration::Registration;

// The members of the top level that are read.
enum class Member : uint8_t {
  object_class,
  ldh_name,
  unicode_name,
  handle,
  status,
  events,
  nameservers,
  entities,
  secure_dns,
  links,
  port43,
  redacted,
  notices,
  remarks,
  error_code,
  title,
  description,
  other
};
constexpr std::pair<std::string_view, Member> kMembers[] = {
    {"objectClassName", Member::object_class},
    {"ldhName", Member::ldh_name},
    {"unicodeName", Member::unicode_name},
    {"handle", Member::handle},
    {"status", Member::status},
    {"events", Member::events},
    {"nameservers", Member::nameservers},
    {"entities", Member::entities},
    {"secureDNS", Member::secure_dns},
    {"links", Member::links},
    {"port43", Member::port43},
    {"redacted", Member::redacted},
    {"notices", Member::notices},
    {"remarks", Member::remarks},
    {"errorCode", Member::error_code},
    {"title", Member::title},
    {"description", Member::description}};
// One huge answer must not hold its memory, ten times its size, for the rest of the run.
constexpr size_t kKeptBytes = 256 * 1024;
constexpr size_t kMemberCount = static_cast<size_t>(Member::other) + 1;

[[nodiscard]] constexpr bool is_identity(Member member) noexcept {
  return member == Member::object_class || member == Member::ldh_name ||
         member == Member::unicode_name || member == Member::error_code;
}

[[nodiscard]] Member member_named(std::string_view key) noexcept {
  for (const auto& [name, member] : kMembers) {
    if (name == key) return member;
  }
  return Member::other;
}

constexpr std::string_view kThrottleWords[] = {"quota exceeded",    "rate limit",
                                               "too many requests", "too fast",
                                               "limit exceeded",    "queries exceeded"};

[[nodiscard]] bool speaks_of_throttling(std::string_view text) noexcept {
  return std::ranges::any_of(kThrottleWords,
                             [&](std::string_view word) { return contains_word(text, word); });
}

[[nodiscard]] Outcome outcome_of_code(int64_t code) noexcept {
  switch (code) {
    case 400: return Outcome::invalid;
    case 401:
    case 403: return Outcome::refused;
    case 404: return Outcome::available;
    case 429: return Outcome::throttled;
    default: return Outcome::error;
  }
}

}  // namespace

struct Parser::State {
  simdjson::dom::parser json;
  std::vector<char> padded;
  registration::TextArena arena;
  Details details;

  std::array<Value, kMemberCount> members;
  std::array<bool, kMemberCount> present{};
  Registration* out = nullptr;
  Card registrar_card, registrant_card, abuse_card;

  [[nodiscard]] Problem load(std::string_view body, Object& object);
  [[nodiscard]] Problem index(const Object& object);
  [[nodiscard]] Problem domain(std::string_view asked);
  void error();
  [[nodiscard]] bool throttled_by_notice() const;
  [[nodiscard]] bool name(std::string_view asked);
  void statuses();
  void events();
  void nameservers();
  void nameserver(const Object& object);
  void addresses(const Object& object);
  void entities();
  void entity(const Object& object, bool nested);
  void registrar(const Object& object);
  void secure_dns();
  void links();
  void truncation();
  void count_redactions();

  [[nodiscard]] bool has(Member member) const noexcept {
    return present[static_cast<size_t>(member)];
  }
  [[nodiscard]] const Value& at(Member member) const noexcept {
    return members[static_cast<size_t>(member)];
  }
  [[nodiscard]] std::string_view kept(std::string_view text) {
    return text.size() > limits::kValueBytes ? std::string_view{}
                                             : registration::clean(text, arena);
  }
  [[nodiscard]] std::string_view host(std::string_view text) {
    while (!text.empty() && text.back() == '.') text.remove_suffix(1);
    if (text.size() > 253) return {};
    return arena.store_lower(registration::clean(text, arena));
  }
  // A text member; anything but a text or null is damage.
  [[nodiscard]] std::string_view text(Member member) {
    if (!has(member)) return {};
    const std::string_view found = text_of(at(member));
    if (found.empty() && !at(member).is_string() && !at(member).is_null()) ++details.damaged;
    return kept(found);
  }
};

Parser::Parser() : state_(std::make_unique<State>()) {}
Parser::~Parser() = default;
const Details& Parser::details() const noexcept { return state_->details; }

std::string_view name_of(Problem problem) noexcept {
  switch (problem) {
    case Problem::none: return "none";
    case Problem::too_large: return "too_large";
    case Problem::not_json: return "not_json";
    case Problem::too_deep: return "too_deep";
    case Problem::not_an_object: return "not_an_object";
    case Problem::duplicate: return "duplicate_member";
    case Problem::wrong_class: return "wrong_class";
    case Problem::other_name: return "other_name";
  }
  return "none";
}

Problem Parser::parse(std::string_view body, std::string_view asked, Registration& out) {
  out.clear();
  state_->out = &out;
  state_->details = {};
  state_->arena.clear();
  Object object;
  if (const Problem problem = state_->load(body, object); problem != Problem::none) return problem;
  if (const Problem problem = state_->index(object); problem != Problem::none) return problem;
  if (state_->has(Member::error_code)) {
    state_->error();
    return Problem::none;
  }
  if (state_->has(Member::object_class) &&
      same_word(text_of(state_->at(Member::object_class)), "domain")) {
    return state_->domain(asked);
  }
  if (state_->throttled_by_notice()) {
    out.outcome = Outcome::throttled;
    return Problem::none;
  }
  return Problem::wrong_class;
}

Problem Parser::State::load(std::string_view body, Object& object) {
  if (body.size() > limits::kBodyBytes) return Problem::too_large;
  if (body.empty()) return Problem::not_json;
  if (json.capacity() > kKeptBytes && body.size() <= kKeptBytes) {
    json = simdjson::dom::parser{};
    padded = {};
  }
  if (padded.size() < body.size() + simdjson::SIMDJSON_PADDING) {
    padded.resize(body.size() * 2 + simdjson::SIMDJSON_PADDING);
  }
  std::memcpy(padded.data(), body.data(), body.size());
  std::memset(padded.data() + body.size(), 0, simdjson::SIMDJSON_PADDING);
  if (json.capacity() < body.size() && json.allocate(std::min(body.size() * 2, limits::kBodyBytes),
                                                     limits::kDepth) != simdjson::SUCCESS) {
    return Problem::too_large;
  }
  Value root;
  const simdjson::error_code error = json.parse(padded.data(), body.size(), false).get(root);
  if (error == simdjson::DEPTH_ERROR) return Problem::too_deep;
  if (error != simdjson::SUCCESS) return Problem::not_json;
  return root.get_object().get(object) == simdjson::SUCCESS ? Problem::none
                                                            : Problem::not_an_object;
}

Problem Parser::State::index(const Object& object) {
  present.fill(false);
  for (const auto field : object) {
    const auto member = static_cast<size_t>(member_named(field.key));
    if (member == static_cast<size_t>(Member::other)) continue;
    if (present[member]) {
      // Which object this is must not be a guess. Elsewhere the last one holds, as most readers of
      // JSON have it.
      if (is_identity(static_cast<Member>(member))) return Problem::duplicate;
      ++details.damaged;
    }
    present[member] = true;
    members[member] = field.value;
  }
  return Problem::none;
}

void Parser::State::error() {
  const int64_t code = number_of(at(Member::error_code), 0);
  details.error_code = code > 0 && code < 1000 ? static_cast<uint16_t>(code) : 0;
  out->outcome = outcome_of_code(code);
  bool throttled = has(Member::title) && speaks_of_throttling(text_of(at(Member::title)));
  if (has(Member::description)) {
    each(at(Member::description), [&](const Value& line) {
      throttled = throttled || speaks_of_throttling(text_of(line));
      return !throttled;
    });
  }
  if (throttled) out->outcome = Outcome::throttled;
}

// Answers with status 200 that hold nothing but a notice of the limit.
bool Parser::State::throttled_by_notice() const {
  if (!has(Member::notices)) return false;
  bool found = false;
  each(at(Member::notices), [&](const Value& element) {
    Object notice;
    if (element.get_object().get(notice) != simdjson::SUCCESS) return true;
    found = found || speaks_of_throttling(text_member(notice, "title"));
    Value lines;
    if (find(notice, "description", lines)) {
      each(lines, [&](const Value& line) {
        found = found || speaks_of_throttling(text_of(line));
        return !found;
      });
    }
    return !found;
  });
  return found;
}

Problem Parser::State::domain(std::string_view asked) {
  if (!name(asked)) {
    out->clear();
    return Problem::other_name;
  }
  out->domain_id = text(Member::handle);
  out->outcome = Outcome::registered;
  statuses();
  events();
  nameservers();
  entities();
  secure_dns();
  links();
  truncation();
  count_redactions();
  if (details.damaged != 0) out->truncated = true;
  return Problem::none;
}

// A name in U-labels only can not be compared here; the asked name stands for it.
bool Parser::State::name(std::string_view asked) {
  out->domain = host(text(Member::ldh_name));
  if (!out->domain.empty()) return asked.empty() || out->domain == asked;
  const std::string_view unicode = host(text(Member::unicode_name));
  if (unicode.empty()) return asked.empty();
  const bool ascii =
      std::ranges::none_of(unicode, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  if (ascii && !asked.empty() && unicode != asked) return false;
  out->domain = ascii || asked.empty() ? unicode : arena.store(asked);
  return true;
}

void Parser::State::statuses() {
  if (!has(Member::status) || at(Member::status).is_null()) return;
  each(at(Member::status), [&](const Value& element) {
    const std::string_view word = text_of(element);
    if (word.empty()) {
      ++details.damaged;
      return true;
    }
    const std::string_view epp = registration::epp_status_of_rdap(word);
    const std::string_view status = epp.empty() ? kept(word) : epp;
    if (!status.empty() && std::ranges::find(out->statuses, status) == out->statuses.end()) {
      out->statuses.push_back(status);
    }
    const Outcome place = registration::life_cycle_of(status);
    if (place != Outcome::registered && out->outcome != Outcome::redemption) out->outcome = place;
    return out->statuses.size() < limits::kStatuses;
  });
}

void Parser::State::events() {
  if (!has(Member::events) || at(Member::events).is_null()) return;
  each(at(Member::events), [&](const Value& element) {
    Object event;
    if (element.get_object().get(event) != simdjson::SUCCESS) {
      ++details.damaged;
      return true;
    }
    const std::string_view action = text_member(event, "eventAction");
    Date* const target = same_word(action, "registration")           ? &out->created
                         : same_word(action, "last changed")         ? &out->updated
                         : same_word(action, "expiration")           ? &out->expires
                         : same_word(action, "registrar expiration") ? &out->registrar_expires
                                                                     : nullptr;
    if (target == nullptr || target->known()) return true;
    *target = registration::date_from_text(text_member(event, "eventDate"), DateOrder::unknown);
    if (!target->known()) ++details.damaged;
    return true;
  });
}

void Parser::State::nameservers() {
  if (!has(Member::nameservers) || at(Member::nameservers).is_null()) return;
  each(at(Member::nameservers), [&](const Value& element) {
    Object object;
    if (element.get_object().get(object) == simdjson::SUCCESS) {
      nameserver(object);
    } else {
      ++details.damaged;
    }
    return out->nameservers.size() < limits::kNameservers;
  });
}

void Parser::State::nameserver(const Object& object) {
  std::string_view name = host(text_member(object, "ldhName"));
  if (name.empty()) name = host(text_member(object, "unicodeName"));
  if (name.empty()) {
    ++details.damaged;
    return;
  }
  if (std::ranges::find(out->nameservers, name) != out->nameservers.end()) return;
  out->nameservers.push_back(name);
  Value found;
  Object families;
  if (!find(object, "ipAddresses", found) || found.get_object().get(families) != simdjson::SUCCESS)
    return;
  addresses(families);
}

void Parser::State::addresses(const Object& families) {
  for (const std::string_view family : {std::string_view{"v4"}, std::string_view{"v6"}}) {
    Value list;
    if (!find(families, family, list)) continue;
    each(list, [&](const Value& element) {
      const std::string_view address = kept(text_of(element));
      if (!address.empty()) {
        out->nameserver_addresses.push_back(
            {static_cast<uint32_t>(out->nameservers.size() - 1), address});
      }
      return out->nameserver_addresses.size() < limits::kHostAddresses;
    });
  }
}

void Parser::State::entities() {
  registrar_card = registrant_card = abuse_card = {};
  if (!has(Member::entities) || at(Member::entities).is_null()) return;
  size_t looked_at = 0;
  each(at(Member::entities), [&](const Value& element) {
    Object object;
    if (element.get_object().get(object) == simdjson::SUCCESS) {
      entity(object, /*nested=*/false);
    } else {
      ++details.damaged;
    }
    return ++looked_at < limits::kEntities;
  });
  out->registrar = kept(registrar_card.name.empty() ? registrar_card.org : registrar_card.name);
  out->registrant_org = kept(registrant_card.org);
  out->registrant_country = kept(registrant_card.country);
  out->abuse_email = kept(abuse_card.email);
  out->abuse_phone = kept(abuse_card.phone);
}

void Parser::State::entity(const Object& object, bool nested) {
  bool is_registrar = false, is_registrant = false, is_abuse = false;
  Value roles;
  if (find(object, "roles", roles)) {
    each(roles, [&](const Value& role) {
      const std::string_view word = text_of(role);
      is_registrar = is_registrar || same_word(word, "registrar");
      is_registrant = is_registrant || same_word(word, "registrant");
      is_abuse = is_abuse || same_word(word, "abuse");
      return true;
    });
  }
  Card card;
  Value vcard;
  const bool carded = find(object, "vcardArray", vcard) && !vcard.is_null();
  if (carded && !read_card(vcard, card)) ++details.damaged;
  if (is_registrar && !nested && registrar_card.name.empty() && registrar_card.org.empty()) {
    registrar_card = card;
    registrar(object);
  }
  if (is_registrant && !nested && registrant_card.org.empty()) registrant_card = card;
  if (is_abuse && abuse_card.email.empty() && abuse_card.phone.empty()) abuse_card = card;
  Value inner;
  if (nested || !find(object, "entities", inner)) return;
  size_t looked_at = 0;
  each(inner, [&](const Value& element) {
    Object deeper;
    if (element.get_object().get(deeper) == simdjson::SUCCESS) entity(deeper, /*nested=*/true);
    return ++looked_at < limits::kEntities;
  });
}

// Only the identifier of IANA is one; Nominet and others list identifiers of their own.
void Parser::State::registrar(const Object& object) {
  out->registrar_id = kept(text_member(object, "handle"));
  Value ids;
  if (!find(object, "publicIds", ids)) return;
  each(ids, [&](const Value& element) {
    Object id;
    if (element.get_object().get(id) != simdjson::SUCCESS) return true;
    if (!same_word(text_member(id, "type"), "iana registrar id")) return true;
    Value identifier;
    if (!find(id, "identifier", identifier)) return true;
    std::string_view written = text_of(identifier);
    if (written.empty()) {
      const int64_t number = number_of(identifier, -1);
      if (number < 0) return true;
      char digits[20];
      size_t size = 0;
      for (int64_t left = number; size == 0 || left != 0; left /= 10) {
        digits[sizeof digits - ++size] = static_cast<char>('0' + left % 10);
      }
      written = arena.store({digits + sizeof digits - size, size});
    }
    out->registrar_iana_id = kept(written);
    return false;
  });
}

// DENIC sends keys and no delegationSigned, .br and .fr DS records without it.
void Parser::State::secure_dns() {
  Object dns;
  if (!has(Member::secure_dns) || at(Member::secure_dns).is_null()) return;
  if (at(Member::secure_dns).get_object().get(dns) != simdjson::SUCCESS) {
    ++details.damaged;
    return;
  }
  Value found;
  const Truth stated = find(dns, "delegationSigned", found) ? truth_of(found) : Truth::unknown;
  bool keyed = false;
  for (const std::string_view list : {std::string_view{"dsData"}, std::string_view{"keyData"}}) {
    Value records;
    if (!find(dns, list, records)) continue;
    each(records, [&](const Value& record) {
      keyed = keyed || record.is_object();
      return !keyed;
    });
  }
  if (stated == Truth::yes || (stated == Truth::unknown && keyed)) {
    out->dnssec = Dnssec::signed_delegation;
  } else if (stated == Truth::no) {
    out->dnssec = Dnssec::unsigned_delegation;
  }
}

// The first related link of an RDAP type that leads elsewhere.
void Parser::State::links() {
  if (has(Member::links) && !at(Member::links).is_null()) {
    each(at(Member::links), [&](const Value& element) {
      Object link;
      if (element.get_object().get(link) != simdjson::SUCCESS) return true;
      const std::string_view type = text_member(link, "type");
      const bool rdap = same_word(type, "application/rdap+json");
      const std::string_view href = text_member(link, "href");
      if (rdap && same_word(text_member(link, "rel"), "related") &&
          href != text_member(link, "value")) {
        out->referral = kept(href);
      }
      return out->referral.empty();
    });
  }
  if (out->referral.empty()) out->referral = text(Member::port43);
}

// RFC 9083 section 10.2.1: notices and remarks of a type "... truncated due to ...". What is held
// back for want of authorization is the rule nowadays, and nothing a row has a column for.
void Parser::State::truncation() {
  for (const Member member : {Member::notices, Member::remarks}) {
    if (!has(member)) continue;
    each(at(member), [&](const Value& element) {
      Object notice;
      if (element.get_object().get(notice) != simdjson::SUCCESS) return true;
      const std::string_view type = text_member(notice, "type");
      if (contains_word(type, "truncated due to") && !contains_word(type, "authorization")) {
        out->truncated = true;
      }
      return !out->truncated;
    });
  }
}

void Parser::State::count_redactions() {
  Array list;
  if (has(Member::redacted) && at(Member::redacted).get_array().get(list) == simdjson::SUCCESS) {
    out->redactions = static_cast<uint32_t>(std::min<size_t>(list.size(), 1'000'000));
  }
}

}  // namespace zonesweep::rdap
